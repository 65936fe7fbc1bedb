"""`models`: the policies that ship, with what their files claim."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lander_rl.showing import Listing
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.scores.summary import Summary
from lander_runtime.scores.words import mean_in_words
from lander_runtime.shipped import shipped_policies


@dataclass(frozen=True)
class Model:
    """A policy that ships. Its score is a claim of its file; `evaluate` checks it."""

    name: str
    """The name of its folder."""
    path: Path
    """The policy file."""
    info: PolicyInfo
    """All that the file says about itself."""

    @property
    def env(self) -> str:
        """Gymnasium's id of its environment."""
        return self.info.env.id

    @property
    def claimed_score(self) -> float | None:
        """Mean return that the file claims; None where it claims none."""
        return None if self.info.evaluation is None else self.info.evaluation.mean_return


def models() -> Listing[Model]:
    """The policies that ship, in order of their names; `Policy.load(model.path)` opens one.

    Only the metadata is read. Weights and golden vectors are checked when a policy is opened.

    Raises:
        InputRefused: a file is damaged.
    """
    found = [Model(name, path, PolicyInfo.read(path)) for name, path in shipped_policies().items()]
    return Listing.of(found, _COLUMNS)


def _claim(score: Summary | None) -> str:
    if score is None:
        return "nothing"
    return f"{mean_in_words(score)} over {score.episodes:,} episodes"


_COLUMNS: Mapping[str, Callable[[Model], str | Path]] = {
    "model": lambda one: one.name,
    "environment": lambda one: one.env,
    "claims": lambda one: _claim(one.info.evaluation),
    "file": lambda one: one.path,
}
