"""`verify`: checks what a policy file claims."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.importing import with_imports
from lander_rl.observing import stage, stages_of
from lander_rl.wording import names_arguments
from lander_runtime.errors import UsageError
from lander_runtime.text import aligned, columns, html_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lander_runtime.checks.outcome import Check
    from lander_runtime.checks.runtimes import RuntimeResult
    from lander_runtime.episodes.episode import EpisodeObserver

_HEADINGS = ("runtime", "version", "difference", "actions equal", "result")


@dataclass(frozen=True)
class VerifyRequest:
    """The arguments of `verify`, checked when the request is made.

    Raises:
        UsageError: `episodes` is 1 or negative.
    """

    policy: Filename | None = None
    """A policy file, or a folder with one; by default the newest run's, else the one that ships."""
    episodes: int = 0
    """Fresh episodes to compare the claimed score with, at least 2; 0 leaves that out."""
    all_runtimes: bool = False
    """Run the golden vectors in every other runtime that is installed, too."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    imports: "Sequence[str]" = ()
    """Modules that register environments, for `episodes`."""
    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual."""

    def __post_init__(self) -> None:
        if self.episodes < 0 or self.episodes == 1:
            raise UsageError(
                f"--episodes {self.episodes} says nothing about a mean. Take 100, or 0 for none."
            )


@dataclass(frozen=True, repr=False)
class Verification:
    """What was checked of a policy file."""

    path: Path
    sha256: str
    """Of the file."""
    provider: str | None
    """ONNX Runtime's, such as `CPUExecutionProvider`; None where no session opened."""
    checks: "tuple[Check, ...]"
    runtimes: "tuple[RuntimeResult, ...]"
    """Empty where they were not asked for."""
    failed: tuple[str, ...]
    """Names of the checks and runtimes that failed."""

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failure(self) -> str | None:
        """One sentence where something failed."""
        if self.passed:
            return None
        names = ", ".join(self.failed)
        if all(check.outcome != "failed" for check in self.checks):
            return (
                f"{self.path.name} is sound, and not every runtime computes what it says: {names}. "
                "Do not run it there with these settings."
            )
        return f"{self.path.name}: failed: {names}. Export it again, or do not use it."

    def rows(self) -> list[tuple[str, str]]:
        """A row a check."""
        return [("policy", str(self.path)), *((check.name, str(check)) for check in self.checks)]

    def runtime_rows(self) -> list[tuple[str, ...]]:
        """A row a runtime; `_HEADINGS` are their headings."""
        return [
            (
                one.name,
                one.version or "-",
                "-" if one.max_difference is None else f"{one.max_difference:.1e}",
                "-" if one.actions_equal is None else f"{one.actions_equal:.0%}",
                one.found,
            )
            for one in self.runtimes
        ]

    def table(self) -> str:
        """The runtimes as text."""
        return columns(_HEADINGS, self.runtime_rows())

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander verify --json` prints it."""
        return {
            "schema": "lander.verify/1",
            "policy": str(self.path),
            "sha256": self.sha256,
            "provider": self.provider,
            "passed": self.passed,
            "failed": list(self.failed),
            "checks": [check.to_json() for check in self.checks],
            "runtimes": [
                {
                    "name": one.name,
                    "version": one.version,
                    "outcome": one.outcome.value,
                    "max_difference": one.max_difference,
                    "actions_equal": one.actions_equal,
                    "found": one.found,
                }
                for one in self.runtimes
            ],
        }

    def __repr__(self) -> str:
        text = aligned(self.rows())
        return f"{text}\n\n{self.table()}" if self.runtimes else text

    def _repr_html_(self) -> str:
        table = html_table(self.runtime_rows(), _HEADINGS) if self.runtimes else ""
        return f"<div>{html_table(self.rows())}{table}</div>"


@names_arguments
def verify(
    policy: Filename | None = None,
    *,
    episodes: int = 0,
    all_runtimes: bool = False,
    device: str = "auto",
    imports: "Sequence[str]" = (),
    large: bool = False,
    observer: "EpisodeObserver | None" = None,
) -> Verification:
    """Check what a policy file claims: schema, weights, golden vectors, determinism, score.

    What fails raises nothing: `passed` of the result says whether all is well, and `checks` has every check.

    Args:
        policy: a policy file, or a folder with one; by default the newest run's, else the one that ships.
        episodes: fresh ones to compare the claimed score with, at least 2; 0 leaves that out.
        all_runtimes: run the golden vectors in every other runtime that is installed, too.
        device: `auto`, `cpu` or `cuda`; `cuda` fails where it does not run, and never falls back.
        imports: modules that register environments.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.
        observer: is called with every episode.

    Raises:
        InputRefused: the file is missing or cannot be parsed.
        MachineLacks: `cuda` does not run here.
        UsageError: `episodes` is 1 or negative.
    """
    return run_verify(VerifyRequest(policy, episodes, all_runtimes, device, imports, large), observer)


def run_verify(request: VerifyRequest, observer: "EpisodeObserver | None" = None) -> Verification:
    """`verify` with its arguments as a request; raises the same errors."""
    from lander_rl.inputs.finding import find_policy
    from lander_runtime.checks.verify import verify as verify_file

    with_imports(request.imports)
    path, origin = find_policy(path_of(request.policy), request.imports)
    stages = stages_of(observer)
    stages.on_note(f"Verifying {path} ({origin})")
    with stage(stages, "episodes", request.episodes) if request.episodes else nullcontext():
        found = verify_file(
            path, request.device, episodes=request.episodes, all_runtimes=request.all_runtimes,
            large=request.large, observer=observer,
        )  # fmt: skip
    return Verification(
        found.path, found.sha256, found.provider, found.checks, found.runtimes, tuple(found.failed)
    )
