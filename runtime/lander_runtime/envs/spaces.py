"""Converts Gymnasium's spaces to plain data."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np

from lander_runtime.envs.known import knowledge_of
from lander_runtime.errors import UsageError
from lander_runtime.spec import Bounds, Space


def describe_spaces(env: gymnasium.Env[Any, Any]) -> tuple[Space, Space]:
    """The observation and the action space of `env` as plain data, with component names if known.

    Raises:
        UsageError: observations are not a Box, or actions are neither a Box nor a Discrete or MultiDiscrete
            from 0.
    """
    env_id = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    observation, action = env.observation_space, env.action_space
    known = knowledge_of(env_id)
    if not isinstance(observation, gymnasium.spaces.Box):
        # Flattening a Dict of Boxes loses nothing; other spaces become numbers of which some mean nothing.
        hint = " Flatten them: --wrap FlattenObservation" if _is_dict_of_boxes(observation) else ""
        raise UsageError(
            f"{env_id} has {type(observation).__name__} observations; policies here take a Box.{hint}"
        )
    if isinstance(action, gymnasium.spaces.Discrete):
        names = known.actions if len(known.actions) == action.n else ()
        if action.start != 0:
            raise UsageError(f"{env_id} numbers its actions from {action.start}; policies here start at 0.")
        described = Space("Discrete", (), "int64", n=int(action.n), components=names)
    elif isinstance(action, gymnasium.spaces.MultiDiscrete):
        described = _describe_multi_discrete(action, env_id)
    elif isinstance(action, gymnasium.spaces.Box):
        described = _describe_box(action, known.controls)
        if described.dtype == "float64":
            # Policies give float32, and an environment that declares float64 accepts that too.
            described = replace(described, dtype="float32")
    else:
        raise UsageError(
            f"{env_id} has {type(action).__name__} actions; known are Discrete, MultiDiscrete and Box."
        )
    return _describe_box(observation, known.observation), described


def _describe_multi_discrete(action: gymnasium.spaces.MultiDiscrete, env_id: str) -> Space:
    if action.nvec.ndim != 1 or np.any(action.start):
        raise UsageError(
            f"{env_id} has MultiDiscrete actions of shape {list(action.nvec.shape)} that start at "
            f"{action.start.ravel()[:8].tolist()}; policies here take one dimension, from 0."
        )
    nvec = tuple(int(n) for n in action.nvec)
    return Space("MultiDiscrete", (len(nvec),), "int64", nvec=nvec)


def _is_dict_of_boxes(space: gymnasium.Space[Any]) -> bool:
    return isinstance(space, gymnasium.spaces.Dict) and all(
        isinstance(part, gymnasium.spaces.Box) for part in space.spaces.values()
    )


def declared_dtype(env: gymnasium.Env[Any, Any]) -> np.dtype[Any] | None:
    """The type of the observations that `env` declares; None where they are not a Box."""
    space = env.observation_space
    return np.dtype(space.dtype) if isinstance(space, gymnasium.spaces.Box) else None


def is_discrete(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether the actions are Discrete, so that `env.step` takes an int."""
    return isinstance(env.action_space, gymnasium.spaces.Discrete)


def _describe_box(box: gymnasium.spaces.Box, components: tuple[Any, ...]) -> Space:
    return Space(
        "Box",
        tuple(int(size) for size in box.shape),
        str(box.dtype),
        low=_bounds(box.low),
        high=_bounds(box.high),
        # Arguments and wrappers can change the shape; then the names do not apply.
        components=components if box.shape == (len(components),) else (),
    )


def _bounds(values: np.ndarray[Any, Any]) -> Bounds:
    """One number if all components have the same bound (an image), None if unbounded, else a nested list."""
    if not np.isfinite(values).any():
        return None
    if values.ndim and np.all(values == values.flat[0]):
        return float(values.flat[0])
    nested = values.astype(object)
    nested[~np.isfinite(values)] = None
    return nested.tolist()
