"""`lander verify`: checks what a policy file claims."""

from typing import Annotated

from lander_cli.arguments import checking_options as given
from lander_cli.arguments.options import Device, Import, Large, PolicyFile, json_flag
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_cli.terminal.console import out, print_result
from lander_cli.terminal.talk import Talk
from lander_runtime.errors import CheckFailed


def verify_command(
    policy: PolicyFile = None,
    episodes: given.FreshEpisodes = 0,
    all_runtimes: given.AllRuntimes = False,
    device: Device = "auto",
    import_: Import = None,
    large: Large = False,
    as_json: Annotated[bool, json_flag("lander.verify/1")] = False,
) -> None:
    """Check a policy file: schema, weights, golden vectors, determinism, and its score if asked.

    Every check is reported. If one fails the exit code is 1; 3 only if the file cannot be parsed.
    """
    from lander_rl.checking.verifying import VerifyRequest, run_verify
    from lander_rl.inputs.importing import import_options

    request = VerifyRequest(policy, episodes, all_runtimes, device, tuple(import_ or []), large)
    found = run_verify(request, Talk())
    print_result(found, as_json=as_json)
    if found.runtimes and not as_json:
        out().print(f"\n{found.table()}", markup=False)
    if found.failure is not None:
        raise CheckFailed(found.failure)
    options = [*import_options(request.imports), *(["--large"] if large else [])]
    next_words = ("lander", "eval", found.path, *options, "--episodes", "1000")
    print_next_unless_waiting(policy, *next_words, imports=request.imports)
