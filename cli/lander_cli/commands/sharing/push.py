"""`lander push`: a policy to the Hugging Face Hub."""

from pathlib import Path

from lander_cli.arguments import sharing_options as given
from lander_cli.arguments.options import Import, Large
from lander_cli.terminal.console import print_next, print_result
from lander_cli.terminal.talk import Talk
from lander_runtime.errors import UsageError


def push_command(
    words: given.Words,
    private: given.Private = False,
    replay: given.Replay = None,
    check: given.CheckFirst = True,
    import_: Import = None,
    large: Large = False,
    as_json: given.PushJson = False,
) -> None:
    """Put a policy on the Hugging Face Hub, with card, picture and settings, its claims checked first.

    hf auth login, or HF_TOKEN in the environment, says who you are.
    """
    from lander_rl.inputs.importing import import_options
    from lander_rl.sharing.pushing import PushRequest, run_push

    if len(words) > 2:
        raise UsageError("Name what to push and the repository: lander push policy.onnx me/lander")
    request = PushRequest(
        policy=Path(words[0]) if len(words) == 2 else None, repository=words[-1], private=private,
        replay=replay, check=check, large=large, imports=tuple(import_ or []),
    )  # fmt: skip
    pushed = run_push(request, Talk())
    print_result(pushed, as_json=as_json)
    print_next("lander", "pull", pushed.repository, "--check", *import_options(request.imports))
