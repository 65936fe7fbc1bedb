"""The report of an evaluation, schema `lander.evaluation/1`, as `lander eval --json` prints it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from lander_runtime.spec import EnvSpec
from lander_runtime.statistics import Summary

if TYPE_CHECKING:
    from lander_runtime.episodes import Episode
    from lander_runtime.policy import Policy

SCHEMA = "lander.evaluation/1"


@dataclass(frozen=True)
class Report:
    """What was scored, how, and every episode's result."""

    policy_path: str | None
    """None where the policy was a plain function."""
    policy_sha256: str | None
    env: EnvSpec
    provider: str | None
    summary: Summary
    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    outcomes: tuple[str, ...]
    steps_per_second: float
    versions: dict[str, str]

    @classmethod
    def of(
        cls,
        policy: "Policy | None",
        env: EnvSpec,
        summary: Summary,
        episodes: Sequence["Episode"],
        seconds: float,
    ) -> "Report":
        """Put a report together from finished episodes, in order, that took `seconds`."""
        return cls(
            policy_path=None if policy is None else str(policy.path),
            policy_sha256=None if policy is None else policy.sha256,
            env=env,
            provider=None if policy is None else policy.provider,
            summary=summary,
            returns=tuple(episode.return_ for episode in episodes),
            lengths=tuple(episode.length for episode in episodes),
            outcomes=tuple(episode.outcome for episode in episodes),
            steps_per_second=sum(episode.length for episode in episodes) / max(seconds, 1e-9),
            versions=installed_versions("lander-rl", "onnxruntime", "gymnasium", "box2d", "numpy"),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "policy": {"path": self.policy_path, "sha256": self.policy_sha256},
            "env": self.env.to_json(),
            "provider": self.provider,
            **self.summary.to_json(),
            "returns": list(self.returns),
            "lengths": list(self.lengths),
            "outcomes": list(self.outcomes),
            "steps_per_second": self.steps_per_second,
            "versions": self.versions,
        }


def installed_versions(*distributions: str) -> dict[str, str]:
    """Versions of Python and of those distributions that are installed."""
    found = {"python": platform.python_version()}
    for name in distributions:
        for candidate in (name, f"{name}-gpu"):
            try:
                found[name] = version(candidate)
                break
            except PackageNotFoundError:
                continue
    return found
