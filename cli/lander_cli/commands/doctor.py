"""`lander doctor`: what is installed on this machine, and whether it works."""

from typing import Annotated

from lander_cli.arguments import options as given
from lander_cli.terminal.console import print_next, print_result, say
from lander_runtime.errors import CheckFailed


def doctor_command(as_json: Annotated[bool, given.json_flag("lander.doctor/1")] = False) -> None:
    """Try what is installed: ONNX Runtime and its providers, compiled code, the environments, each extra.

    What is missing is no fault. If something that is installed does not work, the exit code is 1.
    """
    from lander_rl.checking.diagnosing import doctor

    say("Trying what is installed; this takes some seconds")
    found = doctor()
    print_result(found, as_json=as_json)
    if found.failure is not None:
        raise CheckFailed(found.failure)
    print_next("lander", "eval")
