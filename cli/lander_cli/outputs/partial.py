"""What Ctrl-C leaves of an evaluation or a comparison: the first episodes, marked as partial."""

from typing import TYPE_CHECKING, Any

import typer

from lander_cli.outputs.comparison import print_comparison
from lander_cli.outputs.scores import print_report
from lander_cli.terminal.console import print_json, say
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_runtime.errors import Interrupted

_EXIT_CODE = 130


def exit_with_partial(stop: "Interrupted", schema: str, as_json: bool) -> typer.Exit:
    """Print what was scored before Ctrl-C; returns what ends the command.

    Args:
        stop: of the evaluation or comparison.
        schema: what its JSON object would have been.
        as_json: print that object, which then says `"partial": true`.
    """
    # Only here: both load what draws.
    from lander_rl.results.comparison import Comparison
    from lander_rl.results.report import Report

    partial, episodes = stop.partial, 0
    data: dict[str, Any] = {"schema": schema, "episodes": 0}
    if isinstance(partial, Comparison):
        data, episodes = partial.to_json(), partial.episodes
    elif isinstance(partial, Report):
        data, episodes = partial.to_json(), partial.summary.episodes
    if as_json:
        print_json({**data, "partial": True})
    elif isinstance(partial, Comparison):
        print_comparison(partial)
    elif isinstance(partial, Report):
        print_report(partial)
    if episodes:
        say(f"Partial: Ctrl-C ended it, so this is of the first {counted(episodes, 'episode')} only.")
    else:
        say("Ctrl-C ended it before the first episode had ended.")
    return typer.Exit(_EXIT_CODE)
