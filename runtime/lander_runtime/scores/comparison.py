"""Several policies on the same seeds, schema `lander.comparison/1`, as `lander compare --json` prints it.

Pure: it compares reports of `evaluate` and runs no episode itself.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.json_data.digest import digest, plain_list
from lander_runtime.scores.paired import PairedDifference, needed_to_show, paired_difference
from lander_runtime.scores.report import Report
from lander_runtime.scores.summary import FEW
from lander_runtime.scores.verdict import Verdict
from lander_runtime.spec import EnvSpec
from lander_runtime.text import counted

SCHEMA = "lander.comparison/1"

_HEAVY = 0.5
"""A single episode with more than this share of the squared deviations gets a warning."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The first policy is the baseline; each other policy is compared with the first only.

    k policies need only k - 1 comparisons, which keeps the intervals narrow. For another baseline, name
    another policy first. All joint intervals of one comparison are right together 95 times in 100
    (Bonferroni), so that one policy among many is rarely called better by luck.

    The intervals say nothing about seeds outside the family that was run; about another training with the
    same settings, because each file is one sample of them; about several comparisons of which only the best
    is reported; or about a rare crash that did not happen in these episodes. So small differences need many
    episodes.
    """

    reports: tuple[Report, ...]
    """One for each policy, in the order in which they were named."""
    differences: tuple[PairedDifference, ...]
    """One for each policy but the first: that policy less the first."""

    @property
    def env(self) -> EnvSpec:
        """The environment of all policies. Wrappers are left out: each policy may have its own."""
        return replace(self.reports[0].env, wrappers=())

    @property
    def episodes(self) -> int:
        return self.reports[0].summary.episodes

    @property
    def first_seed(self) -> int:
        return self.reports[0].summary.first_seed

    @property
    def worse(self) -> list[int]:
        """The policies that are shown to be worse than the first, as indices into `reports`."""
        return [i for i, found in enumerate(self.differences, start=1) if found.verdict is Verdict.WORSE]

    @property
    def warnings(self) -> list[str]:
        """What to know before trusting a verdict, a sentence each; policies are named by number, from 1."""
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
        """The results, the same for each repetition of the comparison; long columns as arrays."""
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
        """Digest of the findings; it does not depend on workers, lanes or the run."""
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
    """Compare each policy with the first.

    Args:
        reports: two or more, of the same environment and seeds, all greedy or all sampled.

    Raises:
        UsageError: fewer than two, or their seeds or their way of acting differ.
        InputRefused: their environments differ, or a return is not finite.
    """
    if len(reports) < 2:
        raise UsageError(f"A comparison takes two policies or more, found {len(reports)}.")
    first, *others = reports
    check_same_environment([(_name(report, i), report.env) for i, report in enumerate(reports)])
    for number, report in enumerate(others, start=1):
        ways = [(r.summary.first_seed, r.summary.episodes, r.summary.deterministic) for r in (first, report)]
        if ways[0] != ways[1]:
            raise UsageError(
                f"{_name(report, number)} has {_in_words(*ways[1])}, {_name(first, 0)} has "
                f"{_in_words(*ways[0])}. Evaluate both in the same way."
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
    """Refuse policies whose environment differs from that of the first.

    Wrappers may differ: those that a policy file may name change observations and not rewards.

    Args:
        policies: for each its name in errors, and its environment.

    Raises:
        InputRefused: names the policy and what differs.
    """
    (first, spec), *others = policies
    for name, other in others:
        for what, one, two in (
            ("is for", spec.id, other.id),
            ("has the arguments", dict(spec.kwargs), dict(other.kwargs)),
            ("has the time limit", spec.max_episode_steps, other.max_episode_steps),
            ("has the reward threshold", spec.reward_threshold, other.reward_threshold),
        ):
            if one != two:
                verb = what.split(" the ")[0]
                raise InputRefused(
                    f"{name} {what} {two}, and {first} {verb} {one}: returns of different "
                    "environments cannot be compared. Name policies of one environment."
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
