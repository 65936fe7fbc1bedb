"""A check and how it ended. Apart from `verify.py`, since the doctor has such checks too."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Check:
    """One check."""

    name: str
    outcome: Outcome
    found: str
    """What was found, in words."""
    advice: str = ""
    """A command that helps, ready to type; empty where there is none."""

    def to_json(self) -> dict[str, Any]:
        """Without an empty advice."""
        return {name: value for name, value in asdict(self).items() if name != "advice" or value}

    def __str__(self) -> str:
        return f"{self.outcome.value}: {self.found}" if self.found else self.outcome.value


def passed(name: str, found: str) -> Check:
    """A check that passed."""
    return Check(name, Outcome.PASSED, found)


def failed(name: str, found: str, advice: str = "") -> Check:
    """A check that failed."""
    return Check(name, Outcome.FAILED, found, advice)


def not_checked(name: str, why: str, advice: str = "") -> Check:
    """A check for which something is missing."""
    return Check(name, Outcome.NOT_CHECKED, why, advice)
