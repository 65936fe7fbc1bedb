"""Arguments of an environment compared with the names and types that its own code declares.

Python would take `enable_wind="maybe"` for true, without a word. Only what is plainly wrong is refused: a
name that the environment cannot take, and text or a list where it declares, or has as its default, a number
or a truth value.
"""

import difflib
import inspect
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gymnasium.envs.registration import load_env_creator

from lander_runtime.errors import UsageError
from lander_runtime.text import quoted, shortened

OURS = frozenset({"render_mode", "max_episode_steps", "disable_env_checker"})
"""Arguments of `gymnasium.make` that `making.make` sets; a recipe must not contain them."""

_SCALARS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}


def check_arguments(env_id: str, entry_point: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse an argument that the environment does not have, or whose value cannot be of its declared type.

    Args:
        env_id: for the message.
        entry_point: of Gymnasium's registry: a class, a function, or the name of one.
        kwargs: the arguments.

    Raises:
        UsageError: the first of them.
    """
    names = _names(entry_point)
    unknown = None if names is None else next((name for name in kwargs if name not in names), None)
    if names is not None and unknown is not None:
        near = difflib.get_close_matches(unknown[:80], names, 1)  # A file may name anything.
        meant = f" Did you mean {near[0]}?" if near else ""
        takes = shortened(", ".join(names)) or "none"
        raise UsageError(f"{env_id} has no argument {quoted(unknown)}.{meant} Its arguments: {takes}.")
    declared = _declared(entry_point)
    for name, value in kwargs.items():
        wanted = declared.get(name)
        if wanted is not None and isinstance(value, str | list | dict):
            raise UsageError(
                f"{env_id} takes {_SCALARS[wanted]} as {name}, found {quoted(str(value))}. "
                f"Type: --env-arg {name}={'true' if wanted is bool else '1'}"
            )


@lru_cache(maxsize=64)
def _names(entry_point: Any) -> tuple[str, ...] | None:
    """The arguments that a recipe may have; None where that cannot be known, as with `**kwargs`."""
    try:
        creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        # A function that wraps another one may take more than that.
        parameters = inspect.signature(creator, follow_wrapped=False).parameters.values()
    except Exception:  # As below.
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(one.name for one in parameters if one.kind in named and one.name not in OURS)


@lru_cache(maxsize=64)
def _declared(entry_point: Any) -> dict[str, Any]:
    """The parameters that are one of `_SCALARS`, and nothing else; empty where that cannot be known."""
    try:
        creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        parameters = inspect.signature(creator).parameters
    except Exception:
        # A stranger's module may raise anything; making the environment will say it.
        return {}
    kinds = {name: _kind(parameter) for name, parameter in parameters.items()}
    return {name: kind for name, kind in kinds.items() if kind in _SCALARS}


def _kind(parameter: inspect.Parameter) -> Any:
    """The one type that a value other than None can have, by the annotation, else by the default."""
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return type(parameter.default)
    if isinstance(annotation, str):
        # From a module with `from __future__ import annotations`.
        name = annotation.removesuffix(" | None")
        return next((kind for kind in _SCALARS if kind.__name__ == name), None)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        others = [kind for kind in typing.get_args(annotation) if kind is not types.NoneType]
        return others[0] if len(others) == 1 else None
    return annotation
