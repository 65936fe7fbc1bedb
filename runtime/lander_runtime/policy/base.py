"""The base class of policies from a file of any origin: what scoring, recording and workers need.

Apart from `policy.py`, whose class also has our own metadata.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lander_runtime.errors import UsageError
from lander_runtime.policy.display import as_html, as_text
from lander_runtime.scores.summary import Summary
from lander_runtime.spec import EnvSpec, Space


class PolicyFile(ABC):
    """A policy from an ONNX file. It can be pickled, and the copy opens a session of its own."""

    path: Path
    sha256: str
    """Digest of the whole file."""
    provider: str
    """ONNX Runtime's name for its device: `CPUExecutionProvider` or `CUDAExecutionProvider`."""
    device: str
    """`cpu` or `cuda`."""
    device_note: str | None
    """Why `auto` did not use the machine's GPU; None if there is nothing to say."""
    env: EnvSpec
    """Its environment, unless the caller names another."""
    observation: Space
    action: Space
    batch_size: int | None = None
    """The only batch size that it takes; None if any will do."""
    assumptions: tuple[str, ...] = ()
    """What was assumed where the file says nothing, a sentence each."""
    can_be_sampled: bool = True
    """Whether it has a distribution to draw actions from."""
    remembers: bool = False
    """Whether its actions depend on what it saw before in an episode: then only `act_next` acts."""
    counts_actions: bool = False
    """Whether a report should say what its actions were, since their units are not known for certain."""
    claimed_score: Summary | None = None
    """The score that the file claims; None if it claims none."""

    @abstractmethod
    def act(self, obs: ArrayLike, rng: np.random.Generator | None = None) -> Any:
        """Choose an action for one observation `[*obs_shape]` or a batch of them; greedy without `rng`."""

    def bind(self, batch: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """A function without arguments that returns `act(batch)` for the content of `batch` at the call.

        It can be faster than `act`, because preparations are made only once.

        Args:
            batch: `[batch, *obs_shape]`, C-contiguous; the caller refills it in place.
        """
        return lambda: self.act(batch)

    def act_next(
        self, obs: NDArray[Any], state: Any, rng: np.random.Generator | None = None
    ) -> tuple[NDArray[Any], Any]:
        """One step of a policy that remembers: the action `[1, ...]` for `obs`, and the state after it.

        Args:
            obs: `[1, *obs_shape]`.
            state: what the step before gave; None at the start of an episode.
            rng: as of `act`.
        """
        raise UsageError(f"{self.path.name} remembers nothing. Use its method act.")

    @abstractmethod
    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        """The outputs that `draw` needs, by name, for a batch `[batch, *obs_shape]`."""

    @abstractmethod
    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[Any]:
        """Draw actions `[batch, ...]` from what the method `outputs` returned."""

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        """For a notebook: the same as a table, and the GIF beside the file."""
        return as_html(self)
