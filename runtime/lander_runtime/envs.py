"""The one way to build an environment: training, evaluation, recording and export all come here."""

import contextlib
import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import gymnasium
import numpy as np

from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.known import family_of, knowledge_of
from lander_runtime.spec import Bounds, EnvSpec, Space, WrapperSpec
from lander_runtime.wrappers import DictItemObservation, ShrinkObservation

WRAPPERS: Mapping[str, Callable[..., gymnasium.Env[Any, Any]]] = {
    "FrameStackObservation": gymnasium.wrappers.FrameStackObservation,
    "GrayscaleObservation": gymnasium.wrappers.GrayscaleObservation,
    "MaxAndSkipObservation": gymnasium.wrappers.MaxAndSkipObservation,
    "ResizeObservation": gymnasium.wrappers.ResizeObservation,
    "TimeAwareObservation": gymnasium.wrappers.TimeAwareObservation,
    "DictItemObservation": DictItemObservation,
    "ShrinkObservation": ShrinkObservation,
}
"""The wrappers that a policy file may name: some of `gymnasium.wrappers`, and ours."""

_OURS = {"render_mode", "max_episode_steps", "disable_env_checker"}
"""Arguments of `gymnasium.make` that this module decides."""


def resolve(
    env_id: str, kwargs: Mapping[str, Any] | None = None, wrappers: Sequence[WrapperSpec] | None = None
) -> EnvSpec:
    """Look an id up in Gymnasium's registry and complete the recipe with what is not said.

    The limit and the threshold are the registered ones. Where a family of environments has a recipe, as
    Doom has (`known/doom`), its arguments hold as far as `kwargs` gives no other, and its wrappers where
    `wrappers` is None. What comes of it is all in the `EnvSpec`: `make` adds nothing.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version; an argument is refused.
        MachineLacks: the package that the id belongs to is missing.
    """
    family = family_of(env_id)
    if family is not None:
        kwargs = {**family.kwargs, **(kwargs or {})}
        wrappers = family.wrappers if wrappers is None else wrappers
    try:
        spec = EnvSpec(id=env_id, kwargs=dict(kwargs or {}), wrappers=tuple(wrappers or ()))
        _check_wrappers(spec)
        if family is not None:
            family.check(spec)
    except InputRefused as error:  # Typed here, not read from a file.
        raise UsageError(str(error)) from error
    known = registered(env_id)
    return EnvSpec(
        id=spec.id,
        kwargs=spec.kwargs,
        wrappers=spec.wrappers,
        max_episode_steps=known.max_episode_steps,
        reward_threshold=None if known.reward_threshold is None else float(known.reward_threshold),
    )


def recipe_of(env: EnvSpec | str) -> EnvSpec:
    """`env` itself, or the recipe of an id that was given in its place; raises like `resolve`."""
    return resolve(env) if isinstance(env, str) else env


def newer_version(env_id: str) -> str | None:
    """The id of the newest version of `env_id`, where that is a newer one; the old may still work.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    newest = _newest_version(registered(env_id).id)
    return None if newest == env_id else newest


def make(spec: EnvSpec, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """Build the environment that `spec` describes.

    Args:
        spec: the recipe.
        render_mode: None, `rgb_array` or `human`; never part of the recipe.

    Raises:
        UsageError: Gymnasium does not know the id, or refuses the arguments.
        InputRefused: a wrapper that is not on the list, or an argument that a family does not list.
        MachineLacks: a package that the environment needs is missing.
    """
    _check_wrappers(spec)
    family = family_of(spec.id)
    registered(spec.id)
    for name in _OURS & set(spec.kwargs):
        raise UsageError(f"{spec.id}: {name} is not an argument of the environment; leave it out.")
    if family is not None:
        family.check(spec)
    try:
        with warnings.catch_warnings():
            # Said once a copy, hence some hundred times a run; `newer_version` tells whoever asks.
            warnings.filterwarnings("ignore", r".*is out of date", DeprecationWarning)
            env = gymnasium.make(
                spec.id,
                **({} if render_mode is None else {"render_mode": render_mode}),
                max_episode_steps=spec.max_episode_steps,
                disable_env_checker=True,
                **spec.kwargs,
            )
    except gymnasium.error.DependencyNotInstalled as error:
        raise MachineLacks(f"{spec.id} needs a package that is missing: {error}") from error
    except Exception as error:  # An environment's own checks may raise anything.
        given = f" with {dict(spec.kwargs)}" if spec.kwargs else ""
        raise UsageError(f"Gymnasium cannot make {spec.id}{given}: {error}") from error
    if family is not None and family.housing:
        env = _imported(family.housing)(env)
    for wrapper in spec.wrappers:
        try:
            env = WRAPPERS[wrapper.name](env, **wrapper.kwargs)
        except gymnasium.error.DependencyNotInstalled as error:
            raise MachineLacks(
                f"The wrapper {wrapper.name} needs a package that is missing: {error}"
            ) from error
        except Exception as error:  # As above.
            raise InputRefused(
                f"{spec.id}: {wrapper.name} cannot be applied with {dict(wrapper.kwargs)}: {error}"
            ) from error
    return env


def registered(env_id: str) -> Any:
    """Gymnasium's registry entry of an id, which a family's package may have to make first.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
        MachineLacks: the package that the id belongs to is missing.
    """
    family = family_of(env_id)
    if family is not None:
        try:
            import_module(family.module)
        except ImportError as error:
            raise MachineLacks(
                f"{env_id} needs a package that is missing ({error}). "
                f"Type: pip install 'lander-rl[{family.extra}]'"
            ) from error
    with warnings.catch_warnings():
        # What it warns of (a replaced version) is raised just below in our words.
        warnings.simplefilter("ignore")
        try:
            return gymnasium.spec(env_id)
        except gymnasium.error.DeprecatedEnv as error:
            newest = _newest_version(env_id)
            raise UsageError(
                f"Gymnasium replaced {env_id} by {newest}; scores of the two do not compare. Use {newest}."
            ) from error
        except gymnasium.error.Error as error:
            names = {known.lower(): known for known in gymnasium.registry}
            near = difflib.get_close_matches(env_id.lower(), names, 1)
            hint = (
                f"Did you mean {names[near[0]]}?"
                if near
                else "gymnasium.pprint_registry() lists what it has."
            )
            raise UsageError(f"Gymnasium does not know {env_id!r}. {hint}") from error


def adopt(entry: Any) -> None:
    """Let this process make an environment registered elsewhere; `entry` is what `registered` gave there."""
    family = family_of(entry.id)
    if family is not None:
        # Its package registers it here too, and Gymnasium would complain if it were there already.
        registered(entry.id)
    elif isinstance(entry.entry_point, str):
        # As above, of a module that registers its own; where it is missing, making the environment says so.
        with contextlib.suppress(ImportError):
            import_module(entry.entry_point.partition(":")[0])
    # Also over an entry of Gymnasium's own, which the other side may have replaced.
    gymnasium.registry[entry.id] = entry


def is_importable(spec: EnvSpec) -> bool:
    """Whether another process can make `spec`: its code must be importable, not written in a script.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    entry_point = registered(spec.id).entry_point
    return isinstance(entry_point, str) and not entry_point.startswith("__main__:")


def check_importable(spec: EnvSpec) -> None:
    """Refuse an environment whose code is only in the script that runs.

    A class in place of the text that Gymnasium's own have may be importable or not; who sends it sees.

    Raises:
        UsageError: another process cannot make `spec`.
    """
    entry_point = registered(spec.id).entry_point
    if isinstance(entry_point, str) and entry_point.startswith("__main__:"):
        raise UsageError(
            f"A worker process cannot import {spec.id}, whose code is in the script that runs. Move it to a "
            "module of its own, or use one process."
        )


def is_discrete(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether `env.step` takes an int."""
    return isinstance(env.action_space, gymnasium.spaces.Discrete)


def describe_spaces(env: gymnasium.Env[Any, Any]) -> tuple[Space, Space]:
    """The observation and the action space of `env` as plain data, with names where they are known.

    Raises:
        UsageError: a space that is neither a Box nor, for actions, a Discrete starting at 0.
    """
    env_id = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    observation, action = env.observation_space, env.action_space
    known = knowledge_of(env_id)
    if not isinstance(observation, gymnasium.spaces.Box):
        raise UsageError(f"{env_id} has {type(observation).__name__} observations; policies here take a Box.")
    if isinstance(action, gymnasium.spaces.Discrete):
        names = known.actions if len(known.actions) == action.n else ()
        if action.start != 0:
            raise UsageError(f"{env_id} numbers its actions from {action.start}; policies here start at 0.")
        described = Space("Discrete", (), "int64", n=int(action.n), components=names)
    elif isinstance(action, gymnasium.spaces.Box):
        described = _describe_box(action, known.actions)
        if described.dtype == "float64":
            # What a policy gives is float32, which an environment that names the wider type takes as well.
            described = replace(described, dtype="float32")
    else:
        raise UsageError(f"{env_id} has {type(action).__name__} actions; known are Discrete and Box.")
    return _describe_box(observation, known.observation), described


def _check_wrappers(spec: EnvSpec) -> None:
    """Raise `InputRefused` for a wrapper that is not on the list."""
    for wrapper in spec.wrappers:
        if wrapper.name not in WRAPPERS:
            raise InputRefused(
                f"{spec.id}: the wrapper {wrapper.name!r} is not one of {', '.join(WRAPPERS)}."
            )


def _imported(name: str) -> Any:
    """The object that `module:object` names, one of our own tables'."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _newest_version(env_id: str) -> str:
    """Of the ids that differ from `env_id` in nothing but the version, itself included, the newest."""
    name = env_id.rsplit("-v", 1)[0]
    versions = [
        spec.version
        for spec in gymnasium.registry.values()
        if spec.version is not None and spec.id.rsplit("-v", 1)[0] == name
    ]
    return f"{name}-v{max(versions)}" if versions else env_id


def _describe_box(box: gymnasium.spaces.Box, components: tuple[Any, ...]) -> Space:
    return Space(
        "Box",
        tuple(int(size) for size in box.shape),
        str(box.dtype),
        low=_bounds(box.low),
        high=_bounds(box.high),
        # Other arguments or wrappers can change the shape; then the names do not apply.
        components=components if box.shape == (len(components),) else (),
    )


def _bounds(values: np.ndarray[Any, Any]) -> Bounds:
    """One number where all components share it (an image), None for no bound, else a nested list."""
    if not np.isfinite(values).any():
        return None
    if values.ndim and np.all(values == values.flat[0]):
        return float(values.flat[0])
    nested = values.astype(object)
    nested[~np.isfinite(values)] = None
    return nested.tolist()
