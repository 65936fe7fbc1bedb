"""A comparison as text: each policy, its difference from the first, and the verdict last."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out
from lander_rl.results import verdicts

if TYPE_CHECKING:
    from lander_rl.results.comparison import Comparison

_LONG = 20
"""Characters of a heading that is folded; it may be a file's name."""


def print_comparison(comparison: "Comparison") -> None:
    """Print tables and verdicts on stdout."""
    console, names = out(), comparison.names
    console.print(_drawn(verdicts.policies_table(comparison, names)))
    for line in comparison.trainings:
        console.print(line, markup=False)
    console.print()
    console.print(f"against {names[0]}", markup=False)
    console.print(_drawn(verdicts.differences_table(comparison, names)))
    if len(comparison.differences) > 1:
        # Those of the win rates do not: no verdict depends on them.
        console.print("The intervals of the differences hold together with 95%, so each is wider than alone.")
    for number in range(1, len(names)):
        if comparison.differences[number - 1].decided:
            console.print()
            console.print(_drawn(verdicts.extremes_table(comparison, number, names)))
        for line in verdicts.one_sided(comparison, number, names):
            console.print(line, markup=False)
    console.print()
    for sentence in comparison.verdicts:
        console.print(Text(sentence, "bold"))


def _drawn(table: verdicts.Table) -> Table:
    """Long names are folded; figures never are."""
    drawn = Table(box=None, pad_edge=False)
    first, *others = table.headings
    # As Text, because a file's name may look like markup.
    drawn.add_column(Text(first), overflow="fold")
    for heading in others:
        whole = len(heading) <= _LONG
        drawn.add_column(Text(heading), justify="right", overflow="fold", no_wrap=whole)
    for name, *figures in table.rows:
        drawn.add_row(Text(name), *figures)
    return drawn
