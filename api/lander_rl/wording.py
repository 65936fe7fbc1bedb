"""Error sentences for Python, where `--save-replay` is the argument `save_replay`.

The errors below this package name the options of the command. Here they are put into Python's names, once.
"""

import functools
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lander_runtime.errors import LanderError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_OTHER_NAMES = {"env-arg": "env_args", "report": "page"}
"""Options whose argument is not the same word."""

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
_COMMAND = re.compile(r"\b(?:lander|pip) [a-z]+")


def names_arguments(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """`function` with errors that name its arguments instead of options; the commands in them stay."""

    @functools.wraps(function)
    def named(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except LanderError as error:
            error.args = (in_python(str(error)),)
            raise

    return named


def in_python(sentence: str) -> str:
    """Such as `Leave out env_args.` for `Leave out --env-arg.`; a command to type is left as it is."""
    command = _COMMAND.search(sentence)
    end = len(sentence) if command is None else command.start()
    return _OPTION.sub(_argument, sentence[:end]) + sentence[end:]


def _argument(option: re.Match[str]) -> str:
    return _OTHER_NAMES.get(option[1], option[1].replace("-", "_"))
