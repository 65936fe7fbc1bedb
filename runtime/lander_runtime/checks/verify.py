"""`verify`: what a policy file claims, checked one claim after the other.

Opening a file refuses it at the first thing that is wrong. Here the file is taken apart without those checks,
so that all that is wrong is found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.checks.outcome import Check, Outcome, failed, not_checked, passed
from lander_runtime.checks.runtimes import RuntimeResult, run_everywhere
from lander_runtime.errors import CheckFailed, InputRefused
from lander_runtime.files import sha256_of
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL, Limits
from lander_runtime.graphs.model import METADATA_KEY, Model
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import check_structure
from lander_runtime.policy.agreement import difference
from lander_runtime.policy.content import read_policy_file
from lander_runtime.policy.contract import check_graph
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.policy.policy import Policy
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.scores.summary import Summary
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import EpisodeObserver

_SIGNIFICANT = 3.29
"""Standard errors. Of sound files, one in a thousand has a fresh score farther from its claim."""

_REPEATS = 3


@dataclass(frozen=True)
class Verified:
    """What was checked of a file."""

    path: Path
    sha256: str
    provider: str | None
    """Of ONNX Runtime; None where no session opened."""
    checks: tuple[Check, ...]
    runtimes: tuple[RuntimeResult, ...] = ()
    """Empty where they were not asked for."""

    @property
    def failed(self) -> list[str]:
        """The names of the checks and runtimes that failed."""
        found = [check.name for check in self.checks if check.outcome is Outcome.FAILED]
        return found + [one.name for one in self.runtimes if one.outcome is Outcome.FAILED]


def verify(
    path: Path,
    device: str = "auto",
    *,
    episodes: int = 0,
    all_runtimes: bool = False,
    large: bool = False,
    observer: "EpisodeObserver | None" = None,
) -> Verified:
    """Check everything that the file at `path` says about itself.

    Args:
        path: an ONNX file.
        device: `auto`, `cpu` or `cuda`, as of `Policy.load`.
        episodes: fresh ones to compare the claimed score with; 0 leaves it out.
        all_runtimes: run the golden vectors in every other runtime that is installed, too.
        large: as of `Policy.load`.
        observer: is called with every episode.

    Raises:
        InputRefused: the file is missing or cannot be parsed.
        MachineLacks: `cuda` does not run here.
    """
    content = read_policy_file(path, large=large)
    verifier = _Verifier(read_model(content, path.name), path, content, device, LARGE if large else USUAL)
    checks = verifier.checks()
    if episodes:
        checks.append(verifier.score(episodes, observer))
    runtimes = run_everywhere(verifier.policy, verifier.model) if all_runtimes and verifier.policy else ()
    opened = verifier.opened
    return Verified(
        path, sha256_of(content), None if opened is None else opened.provider, tuple(checks), tuple(runtimes)
    )


class _Verifier:
    """Checks build on each other: what one finds is kept for the next."""

    def __init__(self, model: Model, path: Path, content: bytes, device: str, limits: Limits) -> None:
        self.model, self._path, self._content, self._device = model, path, content, device
        self._limits = limits
        self.info: PolicyInfo | None = None
        self.opened: OpenSession | None = None
        self.policy: Policy | None = None
        """Once graph and metadata fit each other."""

    def checks(self) -> list[Check]:
        """All but the score, in an order in which each needs only those before it."""
        return [
            self._attempt("schema", self._schema),
            self._attempt("operators", self._operators),
            self._attempt("weights", self._weights),
            self._attempt("session", self._session),
            self._attempt("inputs and outputs", self._signature),
            self._attempt("golden vectors", self._golden),
            self._attempt("determinism", self._determinism),
            self._attempt("batches", self._batches),
        ]

    def score(self, episodes: int, observer: "EpisodeObserver | None") -> Check:
        """Compare the claimed score with that of episodes that the claim is not about."""
        try:
            return passed("claimed score", self._score(episodes, observer))
        except _Missing as missing:
            return not_checked("claimed score", str(missing))
        except CheckFailed as error:
            return failed("claimed score", str(error))

    def _attempt(self, name: str, check: Callable[[], str]) -> Check:
        try:
            return passed(name, check())
        except _Missing as missing:
            return not_checked(name, str(missing))
        except (CheckFailed, InputRefused) as error:
            # Any other error is about the machine or the arguments and not about the file.
            return failed(name, str(error).removeprefix(f"{self._path.name}: "))

    def _schema(self) -> str:
        if self.model.metadata is None:
            raise CheckFailed(f"no entry {METADATA_KEY!r}: the file says nothing about itself.")
        self.info = PolicyInfo.from_json(self.model.metadata, self._path.name)
        return f"{self.info.schema}, for {self.info.env.id}"

    def _operators(self) -> str:
        check_structure(self.model, self._path.name)
        names = sorted({node.operator for node in self.model.graph.nodes})
        return f"{len(self.model.graph.nodes)} nodes ({', '.join(names)}), weights inside"

    def _weights(self) -> str:
        info = self._needed(self.info, "what the file claims is not known")
        found = weights_digest(self.model)
        if found != info.weights_sha256:
            raise CheckFailed(f"SHA-256 {found}, claimed is {info.weights_sha256[:64]}.")
        return f"SHA-256 {found}, as claimed"

    def _session(self) -> str:
        self.opened = open_session(self.model, self._path.name, self._device, limits=self._limits)
        note = "" if self.opened.note is None else f" ({self.opened.note})"
        return f"{self.opened.provider}{note}"

    def _signature(self) -> str:
        info, opened = self._needed(self.info, "no metadata"), self._needed(self.opened, "no session")
        check_graph(opened, info, self._path.name)
        large = self._limits == LARGE
        self.policy = Policy(opened, info, self._path, sha256_of(self._content), self._content, large=large)
        return f"as schema {info.schema} says, at batches of 1 and 3"

    def _golden(self) -> str:
        policy = self._fitting()
        worst, allowed = policy.golden_difference(), policy.golden_tolerance
        vectors = len(policy.info.golden.observations)
        said = f"{vectors} vectors, largest difference {worst:.1e} of {allowed:g}"
        if not worst <= allowed:
            raise CheckFailed(f"{said}.")
        return said

    def _determinism(self) -> str:
        policy, observations = self._fitting(), self._observations()
        first = policy.outputs(observations)
        again = open_session(self.model, self._path.name, policy.device, limits=self._limits)
        for turn in range(_REPEATS):
            run = policy.outputs if turn < _REPEATS - 1 else _outputs_of(again, list(first))
            for name, values in run(observations).items():
                if values.tobytes() != first[name].tobytes():
                    raise CheckFailed(f"{name!r} is another one when the same observations are run again.")
        return f"the same bits in {_REPEATS} more runs, one of them in a new session"

    def _batches(self) -> str:
        policy, observations = self._fitting(), self._observations()
        together = policy.outputs(observations)
        alone = [policy.outputs(row[None]) for row in observations]
        # Of tied logits a batch may take another.
        names = [name for name in together if name != "action" or policy.action.type == "Box"]
        worst = max(
            difference(np.concatenate([row[name] for row in alone]), together[name]) for name in names
        )
        if not worst <= 10 * policy.golden_tolerance:
            raise CheckFailed(f"an observation gives other outputs alone than in a batch, by {worst:.1e}.")
        return f"each row alone as in a batch of {len(observations)}, within {worst:.1e}"

    def _score(self, episodes: int, observer: "EpisodeObserver | None") -> str:
        # Here, so that everything else can be verified without Gymnasium.
        from lander_runtime.evaluation.evaluate import evaluate

        policy = self._fitting()
        claim = self._needed(policy.info.evaluation, "the file claims no score")
        first_seed = max(FIRST_EVALUATION_SEED, claim.first_seed + claim.episodes)
        report = evaluate(
            policy, episodes=episodes, first_seed=first_seed, sampled=not claim.deterministic,
            workers="auto", observer=observer,
        )  # fmt: skip
        return _compared(claim, report.summary)

    def _fitting(self) -> Policy:
        return self._needed(self.policy, "graph and metadata do not fit")

    def _needed(self, value: Any, missing: str) -> Any:
        if value is None:
            raise _Missing(missing)
        return value

    def _observations(self) -> NDArray[Any]:
        """The golden ones, as the graph takes them."""
        policy = self._fitting()
        space = policy.info.observation
        try:
            found = np.asarray(policy.info.golden.observations, space.dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise InputRefused("the golden vectors are not arrays of numbers.") from error
        if found.shape[1:] != space.shape or len(found) == 0:
            raise InputRefused("the golden observations do not fit.")
        return found


class _Missing(Exception):
    """A check needs what an earlier one did not find."""


def _outputs_of(opened: OpenSession, names: list[str]) -> Callable[[NDArray[Any]], dict[str, NDArray[Any]]]:
    return lambda obs: dict(zip(names, opened.run(names, {"obs": obs}), strict=True))


def _compared(claim: Summary, fresh: Summary) -> str:
    """Whether two means could be of one policy: their difference in standard errors of it (Welch).

    Raises:
        CheckFailed: they could not.
    """
    variance = sum(one.std_return**2 / max(1, one.episodes - 1) for one in (claim, fresh))
    gap = fresh.mean_return - claim.mean_return
    said = (
        f"{fresh.mean_return:.1f} over {fresh.episodes} fresh episodes from seed {fresh.first_seed}, claimed "
        f"{claim.mean_return:.1f} over {claim.episodes}"
    )
    allowed = _SIGNIFICANT * variance**0.5
    if not abs(gap) <= allowed + 1e-9 * abs(claim.mean_return):
        raise CheckFailed(f"{said}: chance explains at most {allowed:.1f}.")
    return said
