"""Figures in words: a score as one line, and the rows that show a report everywhere.

Apart from `summary.py` and `report.py`, whose figures are also for programs; loads no numpy.
"""

from pathlib import PurePath
from typing import TYPE_CHECKING

from lander_runtime.text import LONGEST, counted, printable, shortened

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report
    from lander_runtime.scores.summary import Summary
    from lander_runtime.spec import EnvSpec

Rows = list[tuple[str, str]]
"""Names and values."""


def score_in_words(summary: "Summary | None") -> str:
    """Such as `281.2 ± 18.1 (95% interval 277.6 to 284.7) over 100 episodes from seed 1000000`."""
    if summary is None:
        return "not evaluated"
    interval = (
        "" if summary.ci95 is None else f" (95% interval {summary.ci95[0]:.1f} to {summary.ci95[1]:.1f})"
    )
    return (
        f"{mean_in_words(summary)}{interval} "
        f"over {counted(summary.episodes, 'episode')} from seed {summary.first_seed}"
    )


def mean_in_words(summary: "Summary") -> str:
    """Such as `281.2 ± 18.1`: mean and standard deviation. One episode has no spread, so none is named."""
    spread = "" if summary.episodes == 1 else f" ± {summary.std_return:.1f}"
    return f"{summary.mean_return:.1f}{spread}"


def env_in_words(env: "EnvSpec") -> str:
    """Such as `LunarLander-v3(enable_wind=true)`."""
    arguments = ", ".join(f"{name}={_as_typed(value)}" for name, value in env.kwargs.items())
    return shortened(f"{env.id}({arguments})" if arguments else env.id)


def _as_typed(value: object) -> str:
    """As after `--env-arg`, but texts in quotes."""
    return str(value).lower() if isinstance(value, bool) or value is None else repr(value)


def report_title(report: "Report") -> str:
    """Such as `Report of policy.onnx in LunarLander-v3, 100 episodes from seed 1000000`."""
    policy = "a function" if report.policy_path is None else PurePath(report.policy_path).name
    kind = "" if report.summary.deterministic else "sampled "
    return printable(
        f"Report of {policy[:LONGEST]} in {env_in_words(report.env)[:LONGEST]}, "
        f"{counted(report.summary.episodes, f'{kind}episode')} from seed {report.summary.first_seed}"
    )


def report_rows(report: "Report") -> Rows:
    """What N episodes say together, as `lander eval` prints it."""
    summary, execution = report.summary, report.execution
    rows = [("mean return", mean_in_words(summary))]
    if summary.ci95 is not None:
        rows.append(("95% interval", f"{summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}"))
    rows += [
        ("median", f"{summary.median_return:.1f}, IQM {summary.iqm_return:.1f}"),
        ("range", f"{summary.min_return:.1f} to {summary.max_return:.1f}"),
        ("worst 5%", f"{summary.cvar05_return:.1f} on average"),
    ]
    if summary.episodes > 1:
        rows.append(("mean - std", f"{summary.mean_minus_std:.1f}"))
    if summary.success_rate is not None:
        rows.append(("success", _success(summary, report.env.reward_threshold)))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcome_counts.items())
    rows.append(("outcomes", counts))
    rows.append(("length", f"{summary.mean_length:.1f} steps"))
    if report.actions is not None:
        rows.append(("actions", report.actions.in_words))
    rows += [(name, f"{value:z.1f}{_unit(report, name)}") for name, value in summary.mean_measures.items()]
    on = "" if execution.provider is None else f" on {execution.provider}"
    speed = f"{execution.steps_per_second:,.0f} steps/s{on}, {execution.engine}"
    return [*rows, ("speed", speed), ("report sha256", report.sha256)]


def _success(summary: "Summary", threshold: float | None) -> str:
    interval = ""
    if summary.success_ci95 is not None:
        low, high = summary.success_ci95
        interval = f" (95% interval {low:.1%} to {high:.1%})"
    return f"{summary.success_rate:.2%} of episodes at {threshold:g} or more{interval}"


def _unit(report: "Report", name: str) -> str:
    unit = next(component.unit for component in report.results.measures if component.name == name)
    return f" {unit}" if unit else ""
