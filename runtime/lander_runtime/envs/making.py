"""The one way to build an environment, for training, evaluation, recording and export."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import gymnasium

from lander_runtime.envs.argument_types import OURS, check_arguments
from lander_runtime.envs.faults import close_quietly, raised
from lander_runtime.envs.known import family_of
from lander_runtime.envs.registry import blamed_on_file, registered
from lander_runtime.envs.wrapper_limits import check_size, check_wrapper_limits
from lander_runtime.envs.wrappers import DictItemObservation, ShrinkObservation
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.spec import EnvSpec, WrapperSpec
from lander_runtime.text import quoted, shortened

WRAPPERS: Mapping[str, Callable[..., gymnasium.Env[Any, Any]]] = {
    "FlattenObservation": gymnasium.wrappers.FlattenObservation,
    "FrameStackObservation": gymnasium.wrappers.FrameStackObservation,
    "GrayscaleObservation": gymnasium.wrappers.GrayscaleObservation,
    "MaxAndSkipObservation": gymnasium.wrappers.MaxAndSkipObservation,
    "ResizeObservation": gymnasium.wrappers.ResizeObservation,
    "TimeAwareObservation": gymnasium.wrappers.TimeAwareObservation,
    "DictItemObservation": DictItemObservation,
    "ShrinkObservation": ShrinkObservation,
}
"""The wrappers that a policy file may name: some of `gymnasium.wrappers`, and ours."""


def resolve(
    env_id: str, kwargs: Mapping[str, Any] | None = None, wrappers: Sequence[WrapperSpec] | None = None
) -> EnvSpec:
    """Look up an id in Gymnasium's registry and fill in the rest of the recipe.

    The time limit and the reward threshold are the registered ones. Some families have defaults, such as
    Doom (`known/doom`): their arguments apply unless `kwargs` has others, their wrappers if `wrappers` is
    None. The result is complete: `make` adds nothing to it.

    Args:
        env_id: Gymnasium's id, such as `LunarLander-v3`.
        kwargs: arguments of the environment.
        wrappers: in order, the first one innermost.

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
    except InputRefused as error:  # The caller's arguments, not a file's content: a usage error.
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
    """`env` itself, or the recipe if `env` is an id; raises like `resolve`."""
    return resolve(env) if isinstance(env, str) else env


def check_kwargs(spec: EnvSpec) -> None:
    """Refuse the arguments of a recipe that can be refused without building the environment.

    Raises:
        UsageError: an argument of another type, which a person has typed, or an unknown environment.
        InputRefused: the same of a recipe from a file.
        MachineLacks: a package that the environment needs is missing.
    """
    if spec.kwargs:
        with blamed_on_file(spec):
            _check_kwargs(spec)


def try_out(spec: EnvSpec) -> None:
    """Build the environment once and close it, so that its own code refuses arguments; raises like `make`."""
    close_quietly(make(spec))


def make(spec: EnvSpec, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """Build the environment that `spec` describes.

    Args:
        spec: the recipe.
        render_mode: None, `rgb_array` or `human`; never part of the recipe.

    Raises:
        EnvironmentFailed: the environment's own code raised, though it was given no arguments.
        UsageError: Gymnasium does not know the id, or refuses the arguments, which a person has typed.
        InputRefused: the same of a recipe from a file; a wrapper that is not on the list or asks for too
            much, or an argument that a family does not list.
        MachineLacks: a package that the environment needs is missing.
    """
    with blamed_on_file(spec):
        return _made(spec, render_mode)


def _made(spec: EnvSpec, render_mode: str | None) -> gymnasium.Env[Any, Any]:
    _check_wrappers(spec)
    family = family_of(spec.id)
    _check_kwargs(spec)
    try:
        with warnings.catch_warnings():
            # Gymnasium warns for each copy, some hundred times a run; callers use `newer_version` instead.
            warnings.filterwarnings("ignore", r".*is out of date", DeprecationWarning)
            env = gymnasium.make(
                spec.id,
                **({} if render_mode is None else {"render_mode": render_mode}),
                max_episode_steps=spec.max_episode_steps,
                disable_env_checker=True,
                **spec.kwargs,
            )
    except gymnasium.error.DependencyNotInstalled as error:
        reason = shortened(str(error))
        raise MachineLacks(f"{spec.id} needs a package that is missing: {reason}") from error
    except (Exception, SystemExit) as error:  # An environment's own checks may raise anything.
        if not (spec.kwargs or isinstance(error, gymnasium.error.Error | ImportError)):
            raise raised(spec.id, error, "when it was made") from error
        given = f" with {shortened(str(dict(spec.kwargs)))}" if spec.kwargs else ""
        raise UsageError(f"Gymnasium cannot make {spec.id}{given}: {shortened(str(error))}") from error
    if family is not None and family.adapter:
        env = _imported(family.adapter)(env)
    return _wrapped(env, spec)


def _wrapped(env: gymnasium.Env[Any, Any], spec: EnvSpec) -> gymnasium.Env[Any, Any]:
    for wrapper in spec.wrappers:
        check_size(env.observation_space, wrapper, spec.id)
        try:
            env = WRAPPERS[wrapper.name](env, **_with_tuples(wrapper.kwargs))
        except gymnasium.error.DependencyNotInstalled as error:
            raise MachineLacks(
                f"The wrapper {wrapper.name} needs a package that is missing: {error}"
            ) from error
        except Exception as error:  # As above.
            raise InputRefused(
                f"{spec.id}: {wrapper.name} cannot be applied with "
                f"{shortened(str(dict(wrapper.kwargs)))}: {shortened(str(error))}"
            ) from error
    return env


def _check_kwargs(spec: EnvSpec) -> None:
    entry_point = registered(spec.id).entry_point
    for name in OURS & set(spec.kwargs):
        raise UsageError(f"{spec.id}: {name} is not an argument of the environment; leave it out.")
    family = family_of(spec.id)
    if family is not None:
        family.check(spec)
    if spec.kwargs:
        check_arguments(spec.id, entry_point, spec.kwargs)


def _check_wrappers(spec: EnvSpec) -> None:
    """Raise `InputRefused` for a wrapper that is not on the list, or that asks for too much."""
    check_wrapper_limits(spec)
    for wrapper in spec.wrappers:
        if wrapper.name not in WRAPPERS:
            raise InputRefused(
                f"{spec.id}: the wrapper {quoted(wrapper.name)} is not one of {', '.join(WRAPPERS)}."
            )


def _with_tuples(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with tuples for lists: JSON has lists only, and ResizeObservation takes a tuple only."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kwargs.items()}


def _imported(name: str) -> Any:
    """The object named `module:object`; only for names in our own tables, never from a file."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
