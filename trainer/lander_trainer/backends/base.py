"""What every backend promises: N lanes, stepped together, with next-step autoreset.

    call        1       2       3 (dummy)      4
    action      a1      a2      ignored        a4
    reward      r1      r2      0              r4
    terminated  False   True    False          False
    obs         s1      s2      s0'            s1'       s2 is the episode's true last observation

The call after an end resets. One dummy row an episode costs less than 1% and leaves one rule for
everything: the observation that a call returns is what its action led to.
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
    """`[N]`: a time limit cut it; never True together with `terminated`. envpool reports an episode that
    ends by itself on its very last step as truncated only, which nothing here can tell apart."""


class Backend(Protocol):
    """Steps N environment copies together. Rewards and ends follow the drawing above."""

    name: str
    lanes: int

    def reset(self) -> NDArray[Any]:
        """Start every lane afresh; gives `[N, *obs_shape]`. Called once, before the first step."""
        ...

    def step(self, actions: NDArray[Any]) -> StepResult:
        """Do `actions` in the lanes: int64 `[N]`, or float32 `[N, *action_shape]` within the bounds."""
        ...

    def state(self) -> dict[str, NDArray[Any]] | None:
        """What puts every lane of a `RestorableBackend` back to where it is, `seed` (that of `open_backend`)
        among it; None where that cannot be had.
        """
        ...

    def close(self) -> None:
        """Free what the copies hold."""
        ...


@runtime_checkable
class RestorableBackend(Backend, Protocol):
    """A backend whose `state` is never None."""

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """In place of `reset`: go to where `state` was.

        Whoever knows better must compare: an environment that is no function of its seed and actions
        arrives elsewhere.

        Returns:
            `[N, *obs_shape]`, the lanes' last observations, and `[N]`, whether their episodes have ended.

        Raises:
            InputRefused: the state is not one of so many lanes.
        """
        ...
