"""Several policies on the same seeds, schema `lander.comparison/1`, as `lander compare --json` prints it.

Pure: it takes reports that `evaluate` made and flies nothing itself.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lander_runtime.digest import digest, plain_list
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.scores.paired import PairedDifference, needed_to_show, paired_difference
from lander_runtime.scores.report import Report
from lander_runtime.scores.summary import FEW
from lander_runtime.scores.verdict import Verdict
from lander_runtime.spec import EnvSpec
from lander_runtime.text import counted

SCHEMA = "lander.comparison/1"

_HEAVY = 0.5
"""Of the squared spread of all differences: a single episode with more than that is told."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The first policy is the baseline; every other one is held against it, and not against each other.

    So many policies ask few questions, which keeps the intervals narrow; to ask another, name another
    policy first. The joint intervals of one comparison are made to hold all together 95 times in 100
    (Bonferroni), so that one policy among many is not called better by luck. What they do not promise:
    anything about seeds outside the family that was flown, about the same training repeated (each file is
    one draw of its recipe), about several comparisons of which only the best is told, or about a rare crash
    that did not happen in these episodes: no interval knows of it, so small differences need many.
    """

    reports: tuple[Report, ...]
    """One for each policy, in the order in which they were named."""
    differences: tuple[PairedDifference, ...]
    """One for each policy but the first: that policy less the first."""

    @property
    def env(self) -> EnvSpec:
        """What all flew in. Wrappers are left out: how a policy looks at it is its own affair."""
        return replace(self.reports[0].env, wrappers=())

    @property
    def episodes(self) -> int:
        return self.reports[0].summary.episodes

    @property
    def first_seed(self) -> int:
        return self.reports[0].summary.first_seed

    @property
    def worse(self) -> list[int]:
        """Which policies, by number from 1, are shown to be worse than the first."""
        return [i for i, found in enumerate(self.differences, start=1) if found.verdict is Verdict.WORSE]

    @property
    def warnings(self) -> list[str]:
        """What to know before believing a verdict, a sentence each; policies go by their numbers from 1."""
        return self.cautions([f"policy {number + 1}" for number in range(len(self.reports))])

    def cautions(self, names: Sequence[str]) -> list[str]:
        """The warnings, with `names` for the policies."""
        if self.episodes < FEW:
            few = counted(self.episodes, "episode")
            return [f"Take more than {few} before believing this: at least {FEW}, better 1000."]
        needed = needed_to_show(len(self.differences))
        found = []
        for name, one in zip(names[1:], self.differences, strict=True):
            if 0 < one.decided < needed:
                found.append(
                    f"{name}: only {one.decided} of {self.episodes} returns differ, and fewer than {needed} "
                    "show nothing."
                )
            elif one.heaviest_share > _HEAVY:
                found.append(
                    f"{name}: seed {one.heaviest_seed} alone is {one.heaviest_share:.0%} of the spread, "
                    "so the interval rests on how rare such an episode is. More episodes tell."
                )
        return found

    def is_same_file(self, number: int) -> bool:
        """Whether policy `number` and the first are the same file, byte for byte."""
        sha256 = self.reports[0].policy_sha256
        return sha256 is not None and sha256 == self.reports[number].policy_sha256

    def findings(self) -> dict[str, Any]:
        """What was found, which everybody who repeats it finds too; long columns as arrays."""
        return {
            "schema": SCHEMA,
            "env": self.env.to_json(),
            "deterministic": self.reports[0].summary.deterministic,
            "first_seed": self.first_seed,
            "episodes": self.episodes,
            "policies": [
                {
                    "sha256": report.policy_sha256,
                    "report_sha256": report.sha256,
                    "wrappers": report.env.to_json()["wrappers"],
                    "summary": report.summary.to_json(),
                    "returns": report.results.returns,
                }
                for report in self.reports
            ],
            "differences": [
                {"policy": number, "baseline": 0, "same_file": self.is_same_file(number), **found.to_json()}
                for number, found in enumerate(self.differences, start=1)
            ],
            "warnings": self.warnings,
        }

    @property
    def sha256(self) -> str:
        """Digest of the findings: the same for every number of workers and lanes, on every run."""
        return digest(self.findings())

    def to_json(self) -> dict[str, Any]:
        """Findings, their digest, and how they were made, as plain data."""
        findings = self.findings()
        data = _plain(findings)
        for entry, report in zip(data["policies"], self.reports, strict=True):
            entry["path"] = report.policy_path
        conducts = [asdict(report.execution) for report in self.reports]
        return {**data, "comparison_sha256": digest(findings), "conduct": conducts}


def compare(reports: Sequence[Report]) -> Comparison:
    """Hold every policy against the first.

    Args:
        reports: two or more, of the same environment, seeds and way of acting.

    Raises:
        UsageError: fewer than two, or flown on other seeds or another number of them, or some greedy and
            some sampled.
        InputRefused: another environment, or returns that are not finite.
    """
    if len(reports) < 2:
        raise UsageError(f"A comparison takes two policies or more, found {len(reports)}.")
    first, *others = reports
    check_same_environment([(_name(report, i), report.env) for i, report in enumerate(reports)])
    for number, report in enumerate(others, start=1):
        ways = [(r.summary.first_seed, r.summary.episodes, r.summary.deterministic) for r in (first, report)]
        if ways[0] != ways[1]:
            raise UsageError(
                f"{_name(report, number)} flew {_in_words(*ways[1])}, {_name(first, 0)} "
                f"{_in_words(*ways[0])}: fly both in the same way."
            )
    return Comparison(
        reports=tuple(reports),
        differences=tuple(
            paired_difference(
                report.results.returns,
                first.results.returns,
                first_seed=first.summary.first_seed,
                reward_threshold=first.env.reward_threshold,
                comparisons=len(others),
            )
            for report in others
        ),
    )


def check_same_environment(policies: Sequence[tuple[str, EnvSpec]]) -> None:
    """Refuse policies, each with what to call it, that do not fly in the same environment as the first.

    Wrappers may differ: those that a policy file may name change what it sees and not what it earns.

    Raises:
        InputRefused: by name, with what differs.
    """
    (first, spec), *others = policies
    for name, other in others:
        for what, one, two in (
            ("flies", spec.id, other.id),
            ("has the arguments", dict(spec.kwargs), dict(other.kwargs)),
            ("has the time limit", spec.max_episode_steps, other.max_episode_steps),
            ("has the reward threshold", spec.reward_threshold, other.reward_threshold),
        ):
            if one != two:
                raise InputRefused(
                    f"{name} {what} {two}, and {first} {what.split()[0]} {one}: returns of different "
                    "environments do not compare. Name policies of one environment."
                )


def _name(report: Report, number: int) -> str:
    return report.policy_path or f"policy {number + 1}"


def _in_words(first_seed: int, episodes: int, deterministic: bool) -> str:
    return f"{episodes} {'greedy' if deterministic else 'sampled'} episodes from seed {first_seed}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return plain_list(value) if isinstance(value, np.ndarray) else value
