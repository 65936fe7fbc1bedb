"""The report of an evaluation, schema `lander.evaluation/1`, as `lander eval --json` prints it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.errors import InputRefused
from lander_runtime.json_data.digest import digest, plain_list
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.results import Results
from lander_runtime.scores.shards import Shard
from lander_runtime.scores.summary import LARGEST_NUMBER, Summary, cautions, summarise
from lander_runtime.scores.words import report_rows, report_title
from lander_runtime.spec import EnvSpec
from lander_runtime.text import aligned, escaped, printable, quoted

SCHEMA = "lander.evaluation/1"


@dataclass(frozen=True)
class Execution:
    """How an evaluation was run. It may differ between two evaluations with the same results."""

    provider: str | None
    """ONNX Runtime's name for the device that ran the policy; None for a plain function."""
    engine: str
    """What ran the episodes, such as `1 process`."""
    lanes: int
    """Environment copies stepped together by each worker."""
    seconds: float
    """Wall-clock time."""
    steps_per_second: float
    """Environment steps of all workers, per second of wall-clock time."""
    versions: dict[str, str]
    """Of the packages that can change results; `platform` is the operating system and processor."""

    @classmethod
    def from_json(cls, source: Fields) -> "Execution":
        lanes, seconds = source.integer("lanes"), source.number("seconds")
        steps_per_second = source.number("steps_per_second")
        # Bounded, because `merge` adds those of many parts, and the sum must be finite.
        for name, value in (("lanes", lanes), ("seconds", seconds), ("steps_per_second", steps_per_second)):
            if not 0 <= value < LARGEST_NUMBER:
                raise source.wrong(name, f"from 0 to {LARGEST_NUMBER:g}", value)
        return cls(
            provider=source.optional_text("provider"),
            engine=source.text("engine"),
            lanes=lanes,
            seconds=seconds,
            steps_per_second=steps_per_second,
            versions=source.texts("versions"),
        )


@dataclass(frozen=True)
class Report:
    """What was evaluated, how, and the result of every episode."""

    policy_path: str | None
    """None for a plain function."""
    policy_sha256: str | None
    """Digest of the policy file; None for a plain function."""
    assumptions: tuple[str, ...]
    """What was assumed where the file says nothing, a sentence each. Results depend on it."""
    env: EnvSpec
    summary: Summary
    results: Results
    execution: Execution
    actions: ActionsSeen | None = None
    """What the actions were, where the file does not say their units; None elsewhere."""
    shard: Shard | None = None
    """Which part of a larger evaluation this is; None for a whole one."""

    @property
    def warnings(self) -> list[str]:
        """What to know before trusting the score, a sentence each."""
        seen = [] if self.actions is None else self.actions.cautions()
        return [*seen, *cautions(self.summary, self.env.reward_threshold)]

    def of_first(self, episodes: int) -> Self:
        """The report that so many episodes would have given, from the first on."""
        results = self.results.first(episodes)
        summary = summarise(
            results,
            first_seed=self.summary.first_seed,
            deterministic=self.summary.deterministic,
            reward_threshold=self.env.reward_threshold,
        )
        return replace(self, results=results, summary=summary)

    def findings(self) -> dict[str, Any]:
        """The results, the same for each repetition of the evaluation; long columns as arrays."""
        results = self.results
        return {
            "schema": SCHEMA,
            "policy": {
                "sha256": self.policy_sha256,
                **({"assumptions": list(self.assumptions)} if self.assumptions else {}),
            },
            "env": self.env.to_json(),
            **self.summary.to_json(),
            "warnings": self.warnings,
            **({} if self.actions is None else {"actions": self.actions.to_json()}),
            "returns": results.returns,
            "lengths": results.lengths,
            "outcomes": results.outcomes,
            "measures": {
                component.name: {"unit": component.unit, "values": values}
                for component, values in results.measures.items()
            },
        }

    def __repr__(self) -> str:
        return "\n".join([report_title(self), aligned(report_rows(self)), *map(printable, self.warnings)])

    @property
    def sha256(self) -> str:
        """Digest of the findings; it does not depend on workers, lanes or the run."""
        return digest(self.findings())

    @property
    def episodes_sha256(self) -> str:
        """Digest of the episodes alone, without statistics or measures.

        So that a program in another language, which has only the physics and the policy, can arrive at it.
        """
        return digest(
            {
                "policy": self.policy_sha256,
                "env": self.env.to_json(),
                "first_seed": self.summary.first_seed,
                "returns": self.results.returns,
                "lengths": self.results.lengths,
                "outcomes": self.results.outcomes,
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Findings, their digests, and how they were made, as plain data."""
        data = _plain(self.findings())
        # A file's name may hold control characters, and bytes that are not text.
        data["policy"]["path"] = None if self.policy_path is None else escaped(self.policy_path)
        shard = {} if self.shard is None else {"shard": asdict(self.shard)}
        digests = {"report_sha256": self.sha256, "episodes_sha256": self.episodes_sha256}
        return {**data, **shard, **digests, **asdict(self.execution)}

    @classmethod
    def from_json(cls, source: Fields) -> "Report":
        """Read a report from untrusted JSON in the form that `to_json` gives.

        Raises:
            InputRefused: an entry is missing or malformed, the digest or the summary does not match the
                episodes, or this version does not read the schema.
        """
        if source.text("schema") != SCHEMA:
            raise InputRefused(
                f"{source.where}: the schema is {quoted(source.text('schema'))}; this version reads {SCHEMA}."
            )
        if source.data.get("partial"):
            raise InputRefused(f"{source.where}: Ctrl-C ended this evaluation early. Evaluate again.")
        policy = source.child("policy")
        _check_digest(source)
        report = cls(
            policy_path=policy.optional_text("path"),
            policy_sha256=policy.optional_text("sha256"),
            assumptions=policy.sentences("assumptions") if "assumptions" in policy.data else (),
            env=EnvSpec.from_json(source.child("env")),
            summary=Summary.from_json(source),
            results=Results.from_json(source),
            execution=Execution.from_json(source),
            actions=ActionsSeen.from_json(source.child("actions")) if "actions" in source.data else None,
            shard=None if source.data.get("shard") is None else Shard.from_json(source.child("shard")),
        )
        _check_summary(report, source)
        _check_episodes(report, source)
        return report


RUN_KEYS = tuple(Execution.__dataclass_fields__)
"""Entries of a report in JSON that say how it was run. The digest covers all entries but these, `NO_FINDINGS`
and the policy's path."""

NO_FINDINGS = ("report_sha256", "episodes_sha256", "shard")
"""Further entries that it does not cover: the digests themselves, and which part of a whole this is."""


def _check_digest(source: Fields) -> None:
    left_out = {*RUN_KEYS, *NO_FINDINGS}
    # From the JSON and not from the parsed report: a later version may write further findings.
    findings = {key: value for key, value in source.data.items() if key not in left_out}
    findings["policy"] = {key: value for key, value in source.mapping("policy").items() if key != "path"}
    try:
        found = digest(findings)
    except ValueError as error:  # An infinite number, or a lone surrogate.
        raise InputRefused(f"{source.where}: no digest can be made of it ({error}).") from error
    if found != source.text("report_sha256"):
        raise InputRefused(
            f"{source.where}: its findings were changed or damaged after it was written: they have the "
            f"digest {found[:12]}, and the report says {source.text('report_sha256')[:12]!r}. "
            "Evaluate again."
        )


def _check_summary(report: Report, source: Fields) -> None:
    """Compute the basic figures again: a forger can change a figure and make a new digest."""
    summary, results = report.summary, report.results
    worked_out: Mapping[str, float] = {
        "episodes": len(results),
        "mean_return": float(results.returns.mean()),
        "min_return": float(results.returns.min()),
        "max_return": float(results.returns.max()),
        "mean_length": float(results.lengths.mean()),
    }
    for name, value in worked_out.items():
        if not math.isclose(getattr(summary, name), value, rel_tol=1e-9, abs_tol=1e-9):
            raise source.wrong(name, f"{value:g}, as its episodes give", getattr(summary, name))
    if summary.first_seed < 0:
        raise source.wrong("first_seed", "0 or more", summary.first_seed)


def _check_episodes(report: Report, source: Fields) -> None:
    """Compare the digest of the episodes, which reports of older versions lack."""
    if "episodes_sha256" in source.data and source.text("episodes_sha256") != report.episodes_sha256:
        raise InputRefused(
            f"{source.where}: its episodes have the digest {report.episodes_sha256[:12]}, and the report "
            f"says {source.text('episodes_sha256')[:12]!r}. Evaluate again."
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return plain_list(value) if isinstance(value, np.ndarray) else value
