"""The page's numbers: the verdict at its top, and tables with the data of the pictures."""

from collections.abc import Iterable, Sequence

import numpy as np

from lander_runtime.envs.known import knowledge_of
from lander_runtime.page.elements import Element, element
from lander_runtime.scores.report import Report
from lander_runtime.scores.summary import Summary
from lander_runtime.scores.words import env_in_words
from lander_runtime.spec import EnvSpec


def headline(report: Report) -> Element:
    """The score, its interval, and the warnings."""
    summary, threshold = report.summary, report.env.reward_threshold
    cards = [
        _card("Mean return", f"{summary.mean_return:.1f}", _interval(summary.ci95)),
        _card("Episodes", f"{summary.episodes:,}", _seeds(summary)),
    ]
    if summary.success_rate is not None and summary.success_ci95 is not None:
        low, high = summary.success_ci95
        cards.append(
            _card(
                f"Success: {threshold:g} or more",
                _share(summary.success_rate),
                f"95% interval {_share(low)} to {_share(high)}",
            )
        )
    if summary.cvar05_return is not None:
        cards.append(_card("Worst 5%", f"{summary.cvar05_return:.1f}", "mean return of these episodes"))
    return element(
        "section",
        element("div", *cards, class_="cards"),
        _sentence(report),
        *(element("p", warning, class_="warning") for warning in report.warnings),
        aria_label="Verdict",
    )


def outcome_table(report: Report) -> Element:
    """A table with one row for each outcome."""
    results = report.results
    rows = []
    for code, name in enumerate(results.outcome_names):
        chosen = results.outcome_codes == code
        count = int(np.count_nonzero(chosen))
        rows.append(
            (
                name,
                f"{count:,}",
                _share(count / len(results)),
                f"{results.returns[chosen].mean():.1f}",
                f"{results.lengths[chosen].mean():.1f}",
            )
        )
    return table("Outcomes", ("outcome", "episodes", "share", "mean return", "mean steps"), rows)


def statistics_table(report: Report) -> Element:
    """A table with the summary's other figures."""
    summary, values = report.summary, [("standard deviation", f"{report.summary.std_return:.1f}")]
    if summary.mean_minus_std is not None:
        values.append(("mean less standard deviation", f"{summary.mean_minus_std:.1f}"))
    if summary.median_return is not None:
        values.append(("median", f"{summary.median_return:.1f}"))
    values += [
        ("interquartile mean", f"{summary.iqm_return:.1f}"),
        ("lowest and highest", f"{summary.min_return:.1f}, {summary.max_return:.1f}"),
        ("mean length", f"{summary.mean_length:.1f} steps"),
    ]
    units = {component.name: component.unit for component in report.results.measures}
    values += [
        (f"mean {name}", f"{value:.2f} {units.get(name, '')}".rstrip())
        for name, value in summary.mean_measures.items()
    ]
    return table("Returns and measures", ("figure", "value"), values)


def meaning(report: Report) -> Element | None:
    """What the score is made of; None for an environment about which nothing is known."""
    note = knowledge_of(report.env.id).score_note
    if not note:
        return None
    return element(
        "section",
        element("h2", "What the score means"),
        element("p", note, class_="prose"),
        element("p", "The page docs/score.md of lander's repository has every term.", class_="note"),
    )


def making(report: Report, command: str) -> Element:
    """How the evaluation was made, and how to repeat it."""
    execution, summary = report.execution, report.summary
    rows = [
        ("Command", element("code", command)),
        ("Policy", report.policy_path or "a function"),
        ("SHA-256 of the policy", element("code", report.policy_sha256) if report.policy_sha256 else "none"),
        ("Environment", _recipe(report.env)),
        (
            "Seeds",
            _seeds(summary),
        ),
        ("Actions", "greedy" if summary.deterministic else "sampled from the policy's distribution"),
        ("Ran on", f"{execution.provider or 'a function in Python'}, {execution.engine}"),
        ("Speed", f"{execution.steps_per_second:,.0f} steps/s, {execution.seconds:.1f} s in all"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in execution.versions.items())),
        ("SHA-256 of the report", element("code", report.sha256)),
    ]
    pairs = [part for name, value in rows for part in (element("dt", name), element("dd", value))]
    return element(
        "section",
        element("h2", "How it was made"),
        element("dl", *pairs),
        element(
            "p",
            "The same evaluation with the same versions gives the same digest of the report, whatever the "
            "number of processes. The file report.json beside this page has every episode.",
            class_="note",
        ),
    )


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Element:
    """A table whose first column names the rows."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", value) for value in rest))
        for first, *rest in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="figures",
    )


def _card(name: str, value: str, below: str) -> Element:
    return element(
        "div",
        element("p", name, class_="name"),
        element("p", value, class_="value"),
        element("p", below, class_="below"),
        class_="card",
    )


def _sentence(report: Report) -> Element | None:
    """Whether the interval is above or below the threshold; if it contains it, a warning says so."""
    interval, threshold = report.summary.ci95, report.env.reward_threshold
    if interval is None or threshold is None:
        return None
    if interval[0] >= threshold:
        return element("p", f"The whole interval of the mean lies above the threshold of {threshold:g}.")
    if interval[1] <= threshold:
        return element("p", f"The whole interval of the mean lies below the threshold of {threshold:g}.")
    return None


def _interval(ends: tuple[float, float] | None) -> str:
    return "one episode has no interval" if ends is None else f"95% interval {ends[0]:.1f} to {ends[1]:.1f}"


def _seeds(summary: Summary) -> str:
    last = summary.first_seed + summary.episodes - 1
    return f"seed {last}" if summary.episodes == 1 else f"seeds {summary.first_seed} to {last}"


def _share(value: float) -> str:
    """As a percentage, with enough decimals that only 1.0 shows as 100.0%."""
    if value == 1.0:
        return "100.0%"
    return next(
        (text for text in (f"{value:.{n}%}" for n in range(1, 6)) if not text.startswith("100")), "<100%"
    )


def _recipe(spec: EnvSpec) -> str:
    parts = [env_in_words(spec)]
    parts += [f"in {wrapper.name}" for wrapper in spec.wrappers]
    if spec.max_episode_steps is not None:
        parts.append(f"cut off after {spec.max_episode_steps} steps")
    if spec.reward_threshold is not None:
        parts.append(f"a success is a return of {spec.reward_threshold:g} or more")
    return ", ".join(parts)
