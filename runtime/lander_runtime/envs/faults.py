"""What goes wrong in an environment's own code, named with the environment, the step and the seed.

An environment may raise anything and return anything. Both become an `EnvironmentFailed` here, so that the
message says that the environment is at fault, and how to see the same again.
"""

import contextlib
import math
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import EnvironmentFailed, LanderError, MachineLacks
from lander_runtime.text import first_line

_ADVICE = "The fault is in the environment's own code, and --debug shows where."

_LONGEST = 200
"""Characters of a foreign message that ours repeats."""

_FIRST_SIGNAL = 128
"""Exit codes from here on stand for signals: they end the program, and no environment has raised them."""


def raised(env_id: str, error: BaseException, place: str) -> BaseException:
    """What to raise for `error`, which came out of the environment's code.

    Args:
        env_id: the environment.
        error: what was caught; it is returned as it is where it is not the environment's, such as the end of
            the program by a signal.
        place: when it was raised, such as `in step 3 of the episode of seed 7`.
    """
    if isinstance(error, LanderError) or _is_signal(error):
        return error
    if isinstance(error, gymnasium.error.DependencyNotInstalled):
        return MachineLacks(f"{env_id} needs a package that is missing: {error}")
    said = f": {first_line(error, _LONGEST).rstrip('.')}" if str(error).strip() else ""
    return EnvironmentFailed(f"{env_id} raised {type(error).__name__} {place}{said}. {_ADVICE}")


def returned(env_id: str, what: str, place: str) -> EnvironmentFailed:
    """The error for an environment that returned `what`."""
    return EnvironmentFailed(f"{env_id} returned {what} {place}. {_ADVICE}")


def when(seed: int, step: int) -> str:
    """In which step of which episode; step 0 is the reset."""
    place = f"in step {step}" if step else "in the reset"
    return f"{place} of the episode of seed {seed}"


def as_reward(value: Any, env_id: str, seed: int, step: int) -> float:
    """A reward as a float; raises `EnvironmentFailed` for an array, a text, a NaN or an infinity."""
    if getattr(value, "ndim", 0):
        found = f"an array of shape {list(value.shape)} as its reward"
        raise returned(env_id, found, when(seed, step))
    try:
        number = float(value)
    except Exception as error:  # The value may be of any class.
        found = f"{_short(value)}, which is no number, as its reward"
        raise returned(env_id, found, when(seed, step)) from error
    if not math.isfinite(number):
        raise returned(env_id, f"{number} as its reward", when(seed, step))
    return number


def as_observation(
    obs: Any, dtype: np.dtype[Any], shape: tuple[int, ...], env_id: str, seed: int, step: int
) -> NDArray[Any]:
    """An observation as an array of the type and shape that its Box declares.

    Many environments declare float32 and return float64 arrays or lists. NaN stays NaN, and what is too large
    for `dtype` becomes infinite.

    Raises:
        EnvironmentFailed: it has another shape, or is no array of numbers.
    """
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(obs).astype(dtype, copy=False)
    except Exception as error:  # As above.
        found = f"{_short(obs)} as its observation, where the Box declares {dtype} numbers"
        raise returned(env_id, found, when(seed, step)) from error
    if array.shape != shape:
        found = f"an observation of shape {list(array.shape)}, where its Box declares {list(shape)},"
        raise returned(env_id, found, when(seed, step))
    return array


def bad_number(obs: NDArray[Any], env_id: str, seed: int, step: int) -> EnvironmentFailed:
    """The error for an observation `obs` with a number that is not finite."""
    place = np.argwhere(~np.isfinite(obs))[0].tolist()
    value = obs[tuple(place)]
    index = ", ".join(map(str, place))
    return returned(env_id, f"{'NaN' if value != value else value} in observation[{index}]", when(seed, step))


def close_quietly(env: Any) -> None:
    """Close an environment. What its own code raises then is dropped: the results are complete by now."""
    with contextlib.suppress(Exception):
        env.close()


def _is_signal(error: BaseException) -> bool:
    code = error.code if isinstance(error, SystemExit) else None
    return isinstance(code, int) and code > _FIRST_SIGNAL


def _short(value: Any) -> str:
    return f"an object of {type(value).__name__}"
