"""The last hint of a command that takes a policy, where another one was taken than a newcomer means."""

from pathlib import Path

from lander_cli.terminal.console import print_next, say


def print_next_unless_waiting(named: Path | None, *words: object) -> None:
    """The next command; where no policy was named and the newest run waits, the export of that run."""
    from lander_rl.inputs.finding import waiting_run

    run = waiting_run() if named is None else None
    if run is None:
        print_next(*words)
        return
    say(f"This was not your newest run: {run} has not been exported.")
    print_next("lander", "export", run)
