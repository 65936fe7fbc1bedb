"""The last hint of a command that takes a policy, where another one was taken than a newcomer means."""

from collections.abc import Sequence
from pathlib import Path

from lander_cli.terminal.console import print_next, say


def print_next_unless_waiting(named: Path | None, *words: object, imports: Sequence[str] = ()) -> None:
    """The next command; where a run is to be exported before, the export of that run.

    Args:
        named: the policy that the user named, or None.
        words: of the next command.
        imports: modules that register environments, for the export.
    """
    from lander_rl.inputs.finding import waiting_run
    from lander_rl.inputs.importing import import_options

    run = waiting_run(named)
    if run is None:
        print_next(*words)
        return
    if run.exported:
        say(f"This policy is older than its run: {run.path} was trained further since the export.")
    else:
        say(f"This was not your newest run: {run.path} has not been exported.")
    print_next("lander", "export", run.path, *import_options(imports))
