"""What a policy from a file is, whoever wrote it: all that scoring, recordings and workers ask for.

Apart from `policy.py`, whose class also promises all that our own metadata says.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lander_runtime.policy.display import as_html, as_text
from lander_runtime.scores.summary import Summary
from lander_runtime.spec import EnvSpec, Space


class PolicyFile(ABC):
    """A file that acts. It can be pickled, and the copy opens a session of its own."""

    path: Path
    sha256: str
    """Digest of the whole file."""
    provider: str
    """What ONNX Runtime runs on, in its words: `CPUExecutionProvider` or `CUDAExecutionProvider`."""
    device: str
    """`cpu` or `cuda`."""
    device_note: str | None
    """Why the machine's GPU is not used, where that needs saying, else None."""
    env: EnvSpec
    """What it flies unless told otherwise."""
    observation: Space
    action: Space
    batch_size: int | None = None
    """How many observations it takes at once; None where any number will do."""
    assumptions: tuple[str, ...] = ()
    """What the file does not say and was taken to be so, a sentence each."""
    can_be_sampled: bool = True
    """Whether it gives a distribution to draw from."""
    claimed_score: Summary | None = None
    """What the file says that it scored; None where it says nothing."""

    @abstractmethod
    def act(self, obs: ArrayLike, rng: np.random.Generator | None = None) -> Any:
        """Choose an action for one observation or a batch; greedy without `rng`."""

    def bind(self, batch: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """A function without arguments: the greedy actions for what `batch` holds when it is called.

        Gives what `act(batch)` gives, and may do once what that does at every call.

        Args:
            batch: `[batch, *obs_shape]`, C-contiguous, to be refilled in place.
        """
        return lambda: self.act(batch)

    @abstractmethod
    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        """What `draw` draws from, for a batch `[batch, *obs_shape]`."""

    @abstractmethod
    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[Any]:
        """Draw actions `[batch, ...]` from what `outputs` gave."""

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        """For a notebook: the same as a table, and the GIF beside the file."""
        return as_html(self)
