"""`doctor`: what is installed on this machine, and whether it works."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lander_rl.showing import RowResult

if TYPE_CHECKING:
    from lander_runtime.checks.outcome import Check


@dataclass(frozen=True, repr=False)
class Diagnosis(RowResult):
    """What was found on this machine."""

    checks: "tuple[Check, ...]"

    @property
    def healthy(self) -> bool:
        """Whether all that is installed works."""
        return not self.failed

    @property
    def failed(self) -> "tuple[Check, ...]":
        """What is installed and does not work."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def advice(self) -> tuple[str, ...]:
        """Commands to type: for what does not work; else for what is missing, the first the most useful."""
        wanted = self.failed or [check for check in self.checks if check.outcome == "not checked"]
        return tuple(dict.fromkeys(check.advice for check in wanted if check.advice))

    @property
    def failure(self) -> str | None:
        """One or two sentences where something does not work."""
        if self.healthy:
            return None
        names = ", ".join(check.name for check in self.failed)
        advice = f" Type: {self.advice[0]}" if self.advice else ""
        return f"Installed here, and does not work: {names}.{advice}"

    def rows(self) -> list[tuple[str, str]]:
        """A row a check; what helps stands behind it."""
        return [(check.name, _in_words(check)) for check in self.checks]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander doctor --json` prints it."""
        return {
            "schema": "lander.doctor/1",
            "healthy": self.healthy,
            "checks": [check.to_json() for check in self.checks],
            "advice": list(self.advice),
        }


_MARKS = {"passed": "works", "failed": "DOES NOT WORK", "not checked": "not here"}


def _in_words(check: "Check") -> str:
    advice = f". Type: {check.advice}" if check.advice else ""
    return f"{_MARKS[check.outcome.value]}: {check.found}{advice}"


def doctor() -> Diagnosis:
    """Try what is installed: ONNX Runtime and its providers, compiled code, the environments, each extra.

    Each is tried in a process of its own, which takes some seconds in all.
    """
    from lander_runtime.checks.doctor import examine

    return Diagnosis(tuple(examine()))
