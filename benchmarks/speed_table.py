"""Medians and the table of `train_speed.py`: pure functions of its runs.

Separate so that a table can be tested and printed again without training.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

Run = dict[str, Any]
"""One run as its runner printed it, with `contender`, `seed` and `steps_asked`."""

REFERENCES = ("sb3", "sb3-1-thread", "sb3-rgb-array", "sbx", "sbx-1-thread", "notebook", "notebook-1-thread")
"""Contenders that all others are compared with, if they ran."""


def medians(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """The medians over the runs of each contender, in the order of their first runs.

    A run that never reached the threshold counts as infinitely late; an infinite median is None. Ratios are
    medians over pairs of runs with the same seed, which ran in the same round, so that a change of the
    machine's speed affects both sides.
    """
    names = list(dict.fromkeys(run["contender"] for run in runs))
    by_seed = {name: {run["seed"]: run for run in runs if run["contender"] == name} for name in names}
    return {name: _median_of(name, by_seed) for name in names}


def _median_of(name: str, by_seed: dict[str, dict[int, Run]]) -> dict[str, Any]:
    runs = list(by_seed[name].values())
    speeds = [run["steps_per_second"] for run in runs]
    row: dict[str, Any] = {
        "runs": len(runs),
        "steps": _median(runs, "steps"),
        "seconds": _median(runs, "seconds"),
        "steps_per_second": _median(runs, "steps_per_second"),
        "steps_per_second_range": [min(speeds), max(speeds)],
        "outside_environment": statistics.median(
            1.0 - run["environment_seconds"] / run["seconds"] for run in runs
        ),
        # A part of `outside_environment`: only lander runs selection episodes while it trains.
        "selection": statistics.median(run.get("selection_seconds", 0.0) / run["seconds"] for run in runs),
        "seconds_to_200": _median(runs, "seconds_to_200"),
        "steps_to_200": _median(runs, "steps_to_200"),
        "reached_200": sum(run["seconds_to_200"] is not None for run in runs),
        "greedy_mean": _median(runs, "greedy_mean"),
        "peak_rss_mb": _median(runs, "peak_rss_mb"),
    }
    for reference in REFERENCES:
        pairs = [
            run["steps_per_second"] / by_seed[reference][seed]["steps_per_second"]
            for seed, run in by_seed[name].items()
            if seed in by_seed.get(reference, {})
        ]
        row[f"times_{reference}"] = statistics.median(pairs) if pairs else None
    return row


def _median(runs: Sequence[Run], key: str) -> float | None:
    value = statistics.median(math.inf if run[key] is None else run[key] for run in runs)
    return value if math.isfinite(value) else None


def table(results: dict[str, Any]) -> str:
    """The results that `train_speed.py` writes, as a Markdown table with a heading and notes."""
    rows = medians(results["runs"])
    references = [name for name in REFERENCES if name in rows]
    columns = [
        "contender",
        "runs x steps",
        "steps/s (range)",
        "outside the environment (selection)",
        "to a training mean of 200",
        "greedy score",
        "peak RSS",
        *(f"against {name}" for name in references),
    ]
    lines = [_cells(columns), "|---" * len(columns) + "|"]
    lines += [_cells(_row(name, row, references)) for name, row in rows.items()]
    return "\n".join([_heading(results), "", *lines, "", *_notes(results)])


def _row(name: str, row: dict[str, Any], references: Sequence[str]) -> list[str]:
    low, high = row["steps_per_second_range"]
    reached = f"{row['reached_200']} of {row['runs']}"
    solved = f"{row['seconds_to_200']:.1f} s" if row["seconds_to_200"] is not None else "never"
    ratios = [row[f"times_{reference}"] for reference in references]
    return [
        name,
        f"{row['runs']} x {row['steps']:,.0f}",
        f"{row['steps_per_second']:,.0f} ({low:,.0f} to {high:,.0f})",
        f"{row['outside_environment']:.0%}" + (f" ({row['selection']:.0%})" if row["selection"] else ""),
        f"{solved} ({reached})",
        f"{row['greedy_mean']:.1f}",
        f"{row['peak_rss_mb']:,.0f} MB",
        *("-" if ratio is None else f"{ratio:.2f}x" for ratio in ratios),
    ]


def _heading(results: dict[str, Any]) -> str:
    machine = results["machine"]
    dates = sorted(run["date"][:10] for run in results["runs"])
    days = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "no runs"
    return (
        f"{results['env']}, {machine['cpu']}, {machine['cores']} cores, {days}. "
        f"Medians; `{'`, `'.join(results['commands'])}`."
    )


def _notes(results: dict[str, Any]) -> list[str]:
    """For each row: versions, threads and which weights were scored."""
    lines = []
    latest = {run["contender"]: run for run in results["runs"]}
    for name, run in latest.items():
        versions = ", ".join(f"{library} {number}" for library, number in run["versions"].items())
        lines.append(
            f"- {name}: {versions}; {run['torch_threads']} PyTorch thread(s); "
            f"scored on {run['greedy_episodes']} episodes with its {run['scored']}"
        )
    return lines


def processor_table(runs: Sequence[Run]) -> str:
    """Steps per second of processor time, all processes together: for machines that others use, too.

    Where the first update is told apart, the second column is without it. Ratios are of the first contender's
    medians to the others', within rounds.
    """
    timed = [run for run in runs if "cpu_seconds" in run]
    names = list(dict.fromkeys(run["contender"] for run in timed))
    speeds = {
        name: {run["seed"]: _per_processor_second(run) for run in timed if run["contender"] == name}
        for name in names
    }
    columns = ["contender", "steps per processor second", "without the first update"]
    lines = [_cells([*columns, *(f"{name} against it" for name in names[:1])]), "|---" * 4 + "|"]
    for name in names:
        whole, later = (statistics.median(pair[i] for pair in speeds[name].values()) for i in (0, 1))
        ratios = [
            speeds[names[0]][seed][1] / pair[1]
            for seed, pair in speeds[name].items()
            if seed in speeds[names[0]]
        ]
        ratio = f"{statistics.median(ratios):.1f}x" if ratios and name != names[0] else "-"
        lines.append(_cells([name, f"{whole:,.0f}", f"{later:,.0f}" if later != whole else "-", ratio]))
    return "\n".join(lines)


def _per_processor_second(run: Run) -> tuple[float, float]:
    """Of the whole run, and of what follows its first update if that was told apart."""
    whole = run["steps"] / run["cpu_seconds"]
    first = run.get("first_update")
    if first is None:
        return whole, whole
    return whole, (run["steps"] - first["steps"]) / (run["cpu_seconds"] - first["cpu_seconds"])


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
