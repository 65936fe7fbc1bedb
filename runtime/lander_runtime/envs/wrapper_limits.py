"""What the wrappers of a recipe may ask for: a file could stack a hundred million frames.

Apart from `making.py`, which applies them.
"""

import math
from collections.abc import Mapping
from typing import Any

from gymnasium import spaces

from lander_runtime.errors import InputRefused
from lander_runtime.spec import LARGEST_SPACE, MOST_WRAPPERS, EnvSpec, WrapperSpec

_MOST_FRAMES, _MOST_PIXELS = 256, 2048

_LIMITS: Mapping[str, Mapping[str, int]] = {
    "FrameStackObservation": {"stack_size": _MOST_FRAMES},
    "MaxAndSkipObservation": {"skip": _MOST_FRAMES},
    "ResizeObservation": {"shape": _MOST_PIXELS},
}
"""By wrapper and argument: the largest number, or the largest of its numbers."""


def check_wrapper_limits(spec: EnvSpec) -> None:
    """Refuse too many wrappers, and numbers that no environment needs.

    Raises:
        InputRefused: so many, or such a number.
    """
    if len(spec.wrappers) > MOST_WRAPPERS:
        raise InputRefused(
            f"{spec.id}: expected at most {MOST_WRAPPERS} wrappers, found {len(spec.wrappers)}."
        )
    for wrapper in spec.wrappers:
        for key, most in _LIMITS.get(wrapper.name, {}).items():
            value = wrapper.kwargs.get(key, 1)
            numbers = value if isinstance(value, list | tuple) else [value]
            if len(numbers) > 2 or not all(_is_within(number, most) for number in numbers):
                raise InputRefused(
                    f"{spec.id}: {wrapper.name} takes {key} from 1 to {most:,}, found {repr(value)[:60]}."
                )


def check_size(space: spaces.Space[Any], wrapper: WrapperSpec, env_id: str) -> None:
    """Refuse a wrapper that would make observations larger than `LARGEST_SPACE`, before it makes them.

    Args:
        space: the observations that it gets.
        wrapper: one that `check_wrapper_limits` has passed.
        env_id: for errors.

    Raises:
        InputRefused: it would.
    """
    if not isinstance(space, spaces.Box):
        return
    times = wrapper.kwargs.get("stack_size", 1) if wrapper.name == "FrameStackObservation" else 1
    size = math.prod(space.shape) * times
    if wrapper.name == "ResizeObservation":
        size = math.prod(wrapper.kwargs.get("shape", ())) * math.prod(space.shape[2:])
    if size > LARGEST_SPACE:
        raise InputRefused(
            f"{env_id}: with {wrapper.name} an observation has {size:,} numbers; expected at most "
            f"{LARGEST_SPACE:,}."
        )


def _is_within(number: object, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= most
