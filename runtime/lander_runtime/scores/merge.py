"""Joins the reports of parts into exactly the report that one run over all episodes gives.

Apart from `report_file.py`, because the parts need not come from files. Their seeds say where each part
belongs, so their order does not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from operator import add
from typing import Any

from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.errors import InputRefused
from lander_runtime.kernels import INSTRUCTIONS, KERNEL
from lander_runtime.scores.report import Execution, Report
from lander_runtime.scores.results import Results, joined
from lander_runtime.scores.summary import Summary, summarise
from lander_runtime.text import counted, shortened


@dataclass(frozen=True)
class Merged:
    """The joined report, and how the parts differ."""

    report: Report
    remarks: list[str]
    """A sentence for each difference between the parts, such as in versions, that can change results."""


def merge(parts: Mapping[str, Report]) -> Merged:
    """Join the reports of parts.

    Args:
        parts: at least one, by its name in errors, such as its file name.

    Raises:
        InputRefused: two parts belong to different evaluations, or a part is missing or occurs twice.
    """
    names = sorted(parts, key=lambda name: parts[name].summary.first_seed)
    reports = [parts[name] for name in names]
    first = reports[0]
    if len(reports) > 1:
        _check_alike(names, reports)
    _check_whole(names, reports)
    results = joined([report.results for report in reports])
    summary = summarise(
        results,
        first_seed=first.summary.first_seed,
        deterministic=first.summary.deterministic,
        reward_threshold=first.env.reward_threshold,
    )
    executions = [report.execution for report in reports]
    # Made from the first part, because policy, environment and assumptions are the same in all parts.
    whole = replace(
        first,
        summary=summary,
        results=results,
        execution=_joined_execution(executions, results),
        actions=_joined_actions([report.actions for report in reports]),
        shard=None,
    )
    return Merged(whole, _remarks(executions))


_PER_PART = {
    *(entry.name for entry in fields(Summary) if entry.name != "deterministic"),
    *("warnings", "actions", "returns", "lengths", "outcomes", "measures"),
}
"""Findings that may differ between the parts of one evaluation."""


def _check_alike(names: Sequence[str], reports: Sequence[Report]) -> None:
    name, common = names[0], _common(reports[0])
    if reports[0].policy_sha256 is None:
        raise InputRefused(
            f"{name}: scored a plain function, which has no digest, so parts of it cannot be merged."
        )
    for other_name, report in zip(names[1:], reports[1:], strict=True):
        other = _common(report)
        for what in common.keys() | other.keys():
            if common.get(what) != other.get(what):
                raise InputRefused(
                    f"{name} and {other_name} are not parts of one evaluation: {what} is "
                    f"{_short(common.get(what))} in one and {_short(other.get(what))} in the other."
                )


def _common(report: Report) -> dict[str, Any]:
    findings = {key: value for key, value in report.findings().items() if key not in _PER_PART}
    return {
        **{key: value for key, value in findings.items() if key != "policy"},
        "the policy's sha256": report.policy_sha256,
        "what was assumed about the policy": list(report.assumptions),
        "whether actions are counted": report.actions is not None,
        "what is measured": [(component.name, component.unit) for component in report.results.measures],
    }


def _short(value: object) -> str:
    return repr(value)[:120]


def _check_whole(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Check that the parts contain each seed of their evaluation exactly once."""
    wholes = {}
    for name, report in zip(names, reports, strict=True):
        if report.shard is not None:
            wholes[range(report.shard.first_seed, report.shard.first_seed + report.shard.episodes)] = name
            _check_shard(name, report)
    if len(wholes) > 1:
        (one, name), (other, other_name), *_ = wholes.items()
        raise InputRefused(
            f"{name} and {other_name} are parts of different evaluations: of {_in_words(one)}, and of "
            f"{_in_words(other)}."
        )
    found = [_seeds(report) for report in reports]
    whole = next(iter(wholes), range(found[0].start, found[-1].stop))
    expected, previous = whole.start, ""
    for name, seeds in zip(names, found, strict=True):
        if seeds.start < expected:
            beside = f"are in {previous} too" if previous else f"come before {_in_words(whole)}"
            raise InputRefused(f"{name}: its episodes from seed {seeds.start} on {beside}. Leave one out.")
        if seeds.start > expected:
            raise _missing(range(expected, seeds.start), reports)
        expected, previous = seeds.stop, name
    if expected < whole.stop:
        raise _missing(range(expected, whole.stop), reports)
    if expected > whole.stop:
        raise InputRefused(f"{previous}: its episodes go on after {_in_words(whole)}. Leave it out.")


def _check_shard(name: str, report: Report) -> None:
    assert report.shard is not None
    if report.shard.seeds != _seeds(report):
        raise InputRefused(
            f"{name}: shard {report.shard.index}/{report.shard.of} has {_in_words(report.shard.seeds)}, but "
            f"the report has {_in_words(_seeds(report))}. Run this shard again."
        )


def _missing(seeds: range, reports: Sequence[Report]) -> InputRefused:
    hint = ""
    shards = [report.shard for report in reports if report.shard is not None]
    if len({shard.of for shard in shards}) == 1:
        shard = shards[0]
        # Computed and not searched: a file may claim to be one of a billion shards.
        first = (seeds.start - shard.first_seed) * shard.of // shard.episodes
        near = (replace(shard, index=i) for i in range(max(1, first), min(shard.of, first + 20) + 1))
        lacking = [f"{part.index}/{part.of}" for part in near if part.seeds.start in seeds]
        hint = f" (shard {', '.join(lacking[:10])}{' and more' if len(lacking) > 10 else ''})"
    return InputRefused(f"{_in_words(seeds)} are missing{hint}. Run them, then merge again.")


def _seeds(report: Report) -> range:
    return range(report.summary.first_seed, report.summary.first_seed + len(report.results))


def _in_words(seeds: range) -> str:
    # len() fails from 2^63 on, and a file may claim any number.
    return f"{counted(seeds.stop - seeds.start, 'episode')} from seed {seeds.start}"


def _joined_execution(executions: Sequence[Execution], results: Results) -> Execution:
    seconds = sum(execution.seconds for execution in executions)
    versions = {name: None for execution in executions for name in execution.versions}
    return Execution(
        provider=_joined([its.provider for its in executions]),
        engine=f"{counted(len(executions), 'part')} by {_joined([its.engine for its in executions])}",
        lanes=max(its.lanes for its in executions),
        seconds=seconds,
        steps_per_second=float(results.lengths.sum()) / max(seconds, 1e-9),
        versions={name: _joined([its.versions.get(name) for its in executions]) or "" for name in versions},
    )


def _joined_actions(parts: Sequence[ActionsSeen | None]) -> ActionsSeen | None:
    seen = [part for part in parts if part is not None]
    return reduce(add, seen) if seen else None


def _joined(values: Sequence[str | None]) -> str | None:
    """The distinct values in order of first occurrence, joined by commas; None if there are none."""
    different = dict.fromkeys(value for value in values if value is not None)
    return ", ".join(different) if different else None


def called(name: str) -> str:
    """An entry of the versions in a sentence."""
    return name if name in ("platform", KERNEL, INSTRUCTIONS) else f"version of {shortened(name, 60)}"


def known(values: Sequence[str | None], name: str) -> list[str | None]:
    """Of the entry `name`, the values that can differ: older versions did not write the kernels."""
    return [value for value in values if value is not None or name not in (KERNEL, INSTRUCTIONS)]


def _remarks(executions: Sequence[Execution]) -> list[str]:
    remarks = []
    names = {name: None for execution in executions for name in execution.versions}
    columns: dict[str, list[str | None]] = {"provider": [its.provider for its in executions]}
    for name in names:
        columns[called(name)] = known([its.versions.get(name) for its in executions], name)
    for what, values in columns.items():
        if len(set(values)) > 1:
            remarks.append(
                f"The parts differ in their {what} ({shortened(_joined(values) or '')}): one run over all "
                "episodes might give other results."
            )
    return remarks
