"""Whether continuous actions are in the environment's units, and scaling them where the user says so.

Libraries whose policies end in tanh (SAC, TD3, DDPG) stretch its -1 to 1 to the environment's bounds after
the network, so a file may lack that last step. Scored as it is, such a policy acts at half its force, say.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.analysis.intervals import Interval
from lander_runtime.spec import Space, filled_bounds
from lander_runtime.text import LONGEST, quoted

_USUAL = ((-1.0, 1.0), (0.0, 1.0), (-math.pi / 2, math.pi / 2))
"""Intervals in which a network's last function leaves its values, and no environment's units."""

_NEAR = 0.02
"""Of an interval's width: libraries clip to 0.999 too."""


@dataclass(frozen=True)
class ActionRange:
    """What `--action-range` says of a file's actions."""

    ends: tuple[float, float] | None
    """What they lie within, to be scaled to the environment's bounds; None for `env`, as they are."""

    @classmethod
    def parse(cls, text: str) -> "ActionRange":
        """Read `env` or two numbers such as `-1,1`; raises `UsageError` for anything else."""
        if text == "env":
            return cls(None)
        try:
            low, high = map(float, text.split(","))
        except ValueError:
            low = high = math.nan
        if not -math.inf < low < high < math.inf:
            raise UsageError(
                f"--action-range {text!r} is not known. Give env where the actions are in the environment's "
                "units, or what they lie within, such as -1,1."
            )
        return cls((low, high))


@dataclass(frozen=True)
class Scaling:
    """From what a file's actions lie within to the bounds of the environment, linearly."""

    low: float
    high: float

    def apply(self, actions: NDArray[np.float64], space: Space) -> NDArray[np.float64]:
        """`actions` `[batch, *shape]` in the environment's units."""
        lowest, highest = filled_bounds(space)
        return lowest + (actions - self.low) * ((highest - lowest) / (self.high - self.low))


def scaling_for(asked: ActionRange | None, space: Space) -> Scaling | None:
    """The scaling that the user asked for.

    Raises:
        UsageError: the environment's actions are no numbers with two bounds.
    """
    if asked is None:
        return None
    if space.type != "Box":
        raise UsageError("--action-range is for continuous actions, and these are discrete. Leave it out.")
    if asked.ends is None:
        return None
    if not all(np.isfinite(bound).all() for bound in filled_bounds(space)):
        raise UsageError(
            "--action-range scales to the environment's bounds, and here is an action without them. "
            "Say --action-range env, or leave it out."
        )
    return Scaling(*asked.ends)


def check_ending(interval: Interval, output: str, space: Space) -> None:
    """Refuse actions that the graph keeps in a usual interval or within -1 to 1, where the bounds are others.

    Args:
        interval: of one action, `[*shape]`.
        output: the name of the action.
        space: the environment's actions.

    Raises:
        InputRefused: with what to say.
    """
    lowest, highest = filled_bounds(space)
    # To an action without bounds nothing can be scaled.
    bounded = np.isfinite(lowest) & np.isfinite(highest)
    usual, narrow = _squashed(interval), _within_one(interval) & _wider(lowest, highest)
    wrong = (usual | narrow) & ~fits(interval, space) & bounded
    if not wrong.any():
        return
    place = tuple(np.argwhere(wrong)[0])
    low, high = float(interval.low[place]), float(interval.high[place])
    found = _in_words(low, high)
    # A part of an interval is as far as this policy goes, not what its library scales.
    ends = f"{_rounded(low)},{_rounded(high)}" if usual[place] else "0,1" if low >= 0.0 else "-1,1"
    component = f" (component {list(map(int, place))})" if interval.low.size > 1 else ""
    bounds = _in_words(float(lowest[place]), float(highest[place]))
    raise InputRefused(
        f"the graph keeps {quoted(output)} within {found}, and the environment's action goes from "
        f"{bounds}{component}. Say --action-range {ends} to scale it to these bounds, as libraries with "
        "squashed policies do, or --action-range env to take it as it is."
    )


def fits(interval: Interval, space: Space) -> NDArray[np.bool_]:
    """`[*shape]`: whether the interval is that of the bounds."""
    lowest, highest = filled_bounds(space)
    return _close(interval, lowest, highest)


def _squashed(interval: Interval) -> NDArray[np.bool_]:
    return np.logical_or.reduce([_close(interval, np.float64(a), np.float64(b)) for a, b in _USUAL])


def _within_one(interval: Interval) -> NDArray[np.bool_]:
    moves = interval.low < interval.high
    return moves & (interval.low >= -1.0 - _NEAR) & (interval.high <= 1.0 + _NEAR)


def _wider(lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (lowest < -1.0 - _NEAR) | (highest > 1.0 + _NEAR)


def _close(
    interval: Interval, low: NDArray[np.float64] | np.float64, high: NDArray[np.float64] | np.float64
) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        near = _NEAR * (high - low)
        # Infinite bounds are never near: their distance is no number.
        return (
            (np.abs(interval.low - low) <= near) & (np.abs(interval.high - high) <= near) & np.isfinite(near)
        )


def sentences(interval: Interval, output: str, space: Space, asked: ActionRange | None) -> list[str]:
    """What is assumed of the units of `output`, a sentence each."""
    name = quoted(output, LONGEST)
    if asked is not None and asked.ends is not None:
        low, high = asked.ends
        return [
            f"{name} was taken for the action, from {low:g} to {high:g} as --action-range says, and "
            "scaled linearly to the environment's bounds."
        ]
    said = [f"{name} was taken for the action in the environment's own units, clipped to its bounds."]
    if asked is not None:
        return [*said, "That these are its units is what --action-range env says."]
    bounded = np.isfinite(interval.low) & np.isfinite(interval.high)
    if wider_than_one(space) and not fits(interval, space).all():
        if bounded.all():
            found = _in_words(interval.low.min(), interval.high.max())
            said.append(f"The graph keeps it within {found}, which are not the environment's bounds.")
        else:
            said.append(
                "Nothing in the graph bounds it, so a policy whose library scales -1 to 1 to the bounds "
                "would look the same."
            )
    return said


def wider_than_one(space: Space) -> bool:
    """Whether a bound is not -1 or 1, so that units can be mistaken."""
    lowest, highest = filled_bounds(space)
    return bool((lowest != -1.0).any() or (highest != 1.0).any())


def _in_words(low: float, high: float) -> str:
    return f"{_rounded(low)} to {_rounded(high)}"


def _rounded(value: float) -> str:
    return f"{float(value):.4g}"
