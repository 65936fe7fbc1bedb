"""The words and tables of a comparison, the same for its `repr`, a notebook and `lander compare`.

Apart from `comparison.py` so that the command can import them without loading numpy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lander_runtime.scores.verdict import Verdict
from lander_runtime.scores.words import mean_in_words
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_runtime.scores.comparison import Comparison
    from lander_runtime.scores.paired import PairedDifference

_SHOWN = 3
"""Number of seeds listed; the JSON has more."""


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column holds names, the others figures."""

    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]


def in_a_sentence(comparison: "Comparison", number: int, names: Sequence[str]) -> str:
    """The verdict on policy `number`, such as `new is better than old by 6.1 [4.0, 8.2].`."""
    found, name, first = comparison.differences[number - 1], names[number], names[0]
    interval = found.joint_ci95
    if comparison.is_same_file(number):
        return f"{name} is the same file as {first}."
    if found.verdict is Verdict.ALIKE:
        everywhere = (
            "the one episode" if comparison.episodes == 1 else f"all {comparison.episodes:,} episodes"
        )
        return f"{name} and {first} play alike on {everywhere}."
    places = _places(found)
    if found.verdict is Verdict.NOT_SHOWN or interval is None:
        known = "" if interval is None else f" [{interval[0]:.{places}f}, {interval[1]:.{places}f}]"
        return (
            f"No difference shown between {name} and {first} at n = {comparison.episodes:,}: "
            f"{found.mean:+.{places}f}{known}."
        )
    low, high = sorted(map(abs, interval))
    return (
        f"{name} is {found.verdict.value} than {first} by {abs(found.mean):.{places}f} "
        f"[{low:.{places}f}, {high:.{places}f}]{_but(found)}."
    )


def policies_table(comparison: "Comparison", names: Sequence[str]) -> Table:
    """Each policy's own figures."""
    rows = []
    for report, name in zip(comparison.reports, names, strict=True):
        summary = report.summary
        rows.append(
            (
                name,
                mean_in_words(summary),
                "-" if summary.ci95 is None else f"{summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}",
                f"{summary.cvar05_return:.1f}",
                "-" if summary.success_rate is None else f"{summary.success_rate:.2%}",
                f"{summary.mean_length:.1f}",
            )
        )
    return Table(("policy", "mean return", "95% interval", "worst 5%", "success", "steps"), rows)


def differences_table(comparison: "Comparison", names: Sequence[str]) -> Table:
    """Each other policy compared with the first."""
    rows = []
    for name, found in zip(names[1:], comparison.differences, strict=True):
        (low, high), interval, places = found.win_rate_ci95, found.joint_ci95, _places(found)
        rows.append(
            (
                name,
                f"{found.mean:+.{places}f}",
                "-" if interval is None else f"{interval[0]:+.{places}f} to {interval[1]:+.{places}f}",
                f"{found.wins:,}",
                f"{found.ties:,}",
                f"{found.losses:,}",
                f"{found.win_rate:.0%} [{low:.0%}, {high:.0%}]",
            )
        )
    headings = ("policy", "difference", "95% interval", "wins", "ties", "losses", "win rate [95%]")
    return Table(headings, rows)


def extremes_table(comparison: "Comparison", number: int, names: Sequence[str]) -> Table:
    """The seeds with the largest differences, in favour of each of the two."""
    found = comparison.differences[number - 1]
    places = _places(found)
    rows = []
    for who, episodes in ((names[number], found.largest_losses), (names[0], found.largest_wins)):
        for row, episode in enumerate(episodes[:_SHOWN]):
            rows.append(
                (
                    "" if row else who,
                    str(episode.seed),
                    f"{episode.baseline_return:.{places}f}",
                    f"{episode.return_:.{places}f}",
                    f"{episode.difference:+.{places}f}",
                )
            )
    return Table(("loses most", "seed", names[0], names[number], "difference"), rows)


def one_sided(comparison: "Comparison", number: int, names: Sequence[str]) -> list[str]:
    """The seeds on which one of the two reaches the threshold and the other does not."""
    found, name, first = comparison.differences[number - 1], names[number], names[0]
    lines = []
    for who, other, seeds in ((name, first, found.fails_alone), (first, name, found.succeeds_alone)):
        if seeds:
            listed = ", ".join(str(seed) for seed in seeds[:_SHOWN])
            lines.append(
                f"{who} is under {comparison.env.reward_threshold:g} and {other} is not on "
                f"{counted(len(seeds), 'seed')}: {listed}{', ...' if len(seeds) > _SHOWN else ''}"
            )
    return lines


def _places(found: "PairedDifference") -> int:
    """Decimal places: one, and more where the difference is too small for one."""
    low, high = found.joint_ci95 or (found.mean, found.mean)
    size = high - low or abs(found.mean)
    return 1 if size >= 1.0 or size == 0.0 else min(1 - math.floor(math.log10(size)), 9)


def _but(found: "PairedDifference") -> str:
    """A remark where the mean and most seeds disagree, because a few episodes differ much."""
    low, high = found.win_rate_ci95
    if found.verdict is Verdict.BETTER and high < 0.5:
        return ", though it has the lower return on most seeds"
    if found.verdict is Verdict.WORSE and low > 0.5:
        return ", though it has the higher return on most seeds"
    return ""
