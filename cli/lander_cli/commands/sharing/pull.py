"""`lander pull`: a policy from the Hugging Face Hub."""

from lander_cli.arguments import sharing_options as given
from lander_cli.arguments.options import Import, Large
from lander_cli.terminal.console import print_next, print_result
from lander_cli.terminal.talk import Talk


def pull_command(
    repository: given.Repository,
    out_dir: given.Folder = None,
    revision: given.Revision = None,
    file: given.File = None,
    check: given.Check = False,
    offline: given.Offline = False,
    import_: Import = None,
    large: Large = False,
    as_json: given.PullJson = False,
) -> None:
    """Take a policy from the Hugging Face Hub, and check it; Stable-Baselines3's zips are found too."""
    from lander_rl.inputs.importing import import_options
    from lander_rl.sharing.pulling import PullRequest, run_pull

    request = PullRequest(
        repository=repository, out=out_dir, revision=revision, file=file, check=check, offline=offline,
        large=large, imports=tuple(import_ or []),
    )  # fmt: skip
    pulled = run_pull(request, Talk())
    print_result(pulled, as_json=as_json)
    print_next(*pulled.next_command, *import_options(request.imports))
