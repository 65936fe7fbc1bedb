"""The interface of a backend: N lanes, stepped together, with next-step autoreset.

    call        1       2       3 (dummy)      4
    action      a1      a2      ignored        a4
    reward      r1      r2      0              r4
    terminated  False   True    False          False
    obs         s1      s2      s0'            s1'       s2 is the episode's true last observation

The call after an episode's end resets: its row is a dummy. One dummy row an episode costs less than 1% of the
rows on LunarLander, and one rule holds everywhere: a call returns the observation that its action led to.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class StepResult(NamedTuple):
    """One call of `step` for N lanes."""

    obs: NDArray[Any]
    """`[N, *obs_shape]`; may be overwritten by the next call."""
    rewards: NDArray[np.float32]
    """`[N]`, unscaled; 0 at a dummy row."""
    terminated: NDArray[np.bool_]
    """`[N]`: the episode ended by the environment's own rules."""
    truncated: NDArray[np.bool_]
    """`[N]`: a time limit ended it; never True together with `terminated`. envpool reports an episode that
    terminates exactly at its time limit as truncated only; this cannot be detected here."""


class Backend(Protocol):
    """Steps N environment copies together; the table above says what each call returns."""

    name: str
    """As in the setting `backend`."""
    lanes: int
    """N."""

    def reset(self) -> NDArray[Any]:
        """Start the first episode of every lane; returns `[N, *obs_shape]`. Called once, before `step`."""
        ...

    def step(self, actions: NDArray[Any]) -> StepResult:
        """Step every lane with `actions`: int64 `[N]`, or float32 `[N, *action_shape]` within the bounds."""
        ...

    def state(self) -> dict[str, NDArray[Any]] | None:
        """What `RestorableBackend.restore` needs, the `seed` given to `open_backend` included; None where the
        backend cannot restore.
        """
        ...

    def close(self) -> None:
        """Close the environments."""
        ...


@runtime_checkable
class RestorableBackend(Backend, Protocol):
    """A backend whose `state` is never None."""

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bring every lane into `state`; called in place of `reset`.

        Callers must check the observations: a non-deterministic environment ends in another state.

        Returns:
            The lanes' last observations `[N, *obs_shape]`, and whether their episodes have ended, bool `[N]`.

        Raises:
            InputRefused: the state is damaged or belongs to another number of lanes.
        """
        ...
