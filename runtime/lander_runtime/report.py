"""The report of an evaluation, schema `lander.evaluation/1`, as `lander eval --json` prints it."""

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from lander_runtime.digest import digest, plain_list
from lander_runtime.results import Results
from lander_runtime.spec import EnvSpec
from lander_runtime.statistics import Summary, cautions

SCHEMA = "lander.evaluation/1"


@dataclass(frozen=True)
class Conduct:
    """How an evaluation was run: what may differ between two that found the same."""

    provider: str | None
    """ONNX Runtime's word for what ran the policy; None where it was a plain function."""
    engine: str
    """What flew the episodes, such as `1 process`."""
    lanes: int
    seconds: float
    steps_per_second: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Report:
    """What was scored, how, and every episode's result."""

    policy_path: str | None
    """None where the policy was a plain function."""
    policy_sha256: str | None
    assumptions: tuple[str, ...]
    """What the file does not say and was taken to be so: it decides what is found."""
    env: EnvSpec
    summary: Summary
    results: Results
    conduct: Conduct

    @property
    def warnings(self) -> list[str]:
        """What to know before believing the score, a sentence each."""
        return cautions(self.summary, self.env.reward_threshold)

    def findings(self) -> dict[str, Any]:
        """What was found, which everybody who repeats the evaluation finds too; long columns as arrays."""
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
            "returns": results.returns,
            "lengths": results.lengths,
            "outcomes": results.outcomes,
            "measures": {
                component.name: {"unit": component.unit, "values": values}
                for component, values in results.measures.items()
            },
        }

    @property
    def sha256(self) -> str:
        """Digest of the findings: the same for every number of workers and lanes, on every run."""
        return digest(self.findings())

    def to_json(self) -> dict[str, Any]:
        """Findings, their digest, and how they were made, as plain data."""
        data = _plain(self.findings())
        data["policy"]["path"] = self.policy_path
        return {**data, "report_sha256": self.sha256, **asdict(self.conduct)}


RUN_KEYS = tuple(Conduct.__dataclass_fields__)
"""Entries of a report in JSON that say how it was run. With `report_sha256` and the policy's path they
are what the digest leaves out."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return plain_list(value) if isinstance(value, np.ndarray) else value


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
