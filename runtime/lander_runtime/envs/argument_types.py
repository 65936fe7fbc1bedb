"""Arguments of an environment compared with the types that its own code declares.

Python would take `enable_wind="maybe"` for true, without a word. Only what is plainly wrong is refused: text
or a list where the environment declares, or has as its default, a number or a truth value.
"""

import inspect
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gymnasium.envs.registration import load_env_creator

from lander_runtime.errors import UsageError
from lander_runtime.text import quoted

_SCALARS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}


def check_arguments(env_id: str, entry_point: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse an argument whose value cannot be of the type that the environment declares.

    Args:
        env_id: for the message.
        entry_point: of Gymnasium's registry: a class, a function, or the name of one.
        kwargs: the arguments.

    Raises:
        UsageError: the first of them.
    """
    declared = _declared(entry_point)
    for name, value in kwargs.items():
        wanted = declared.get(name)
        if wanted is not None and isinstance(value, str | list | dict):
            raise UsageError(
                f"{env_id} takes {_SCALARS[wanted]} as {name}, found {quoted(str(value))}. "
                f"Type: --env-arg {name}={'true' if wanted is bool else '1'}"
            )


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
