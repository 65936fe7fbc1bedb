"""Error sentences for Python, where `--save-replay` is `save_replay` and `lander export RUN` is a call.

The errors below this package name the options of the command. Here they are put into Python's names, once.
"""

import functools
import re
import shlex
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lander_runtime.errors import LanderError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_OTHER_NAMES = {"env-arg": "env_args", "report": "page"}
"""Options whose argument is not the same word."""

_OPTION = re.compile(r"(?<![\w/-])--([a-z][a-z-]*)")
_COMMAND = re.compile(r"\b(?:lander|pip) [a-z]+")

_LAST_COMMAND = re.compile(r"(?<=: )lander (export|plot|settings|train)((?: .*)?)$")
"""A command at the end of a sentence whose function has the same name and takes the same words."""

_TAKEN_OVER = {"resume", "steps", "time", "preset", "env"}
"""Their options that a call has too."""

_PLACEHOLDER = re.compile(r"[A-Z]+")
"""Such as `CHECKPOINT`, which the reader puts in; it needs no quotes."""


def names_arguments(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """`function` with errors that name arguments and functions instead of options and commands."""

    @functools.wraps(function)
    def named(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except LanderError as error:
            error.args = (in_python(str(error)),)
            raise

    return named


def in_python(sentence: str) -> str:
    """Such as `Leave out env_args.` for `Leave out --env-arg.`, and a call for a command at the end.

    Other commands are left as they are, to be typed in a terminal.
    """
    sentence = _LAST_COMMAND.sub(_call, sentence)
    command = _COMMAND.search(sentence)
    end = len(sentence) if command is None else command.start()
    return _OPTION.sub(_argument, sentence[:end]) + sentence[end:]


def _call(command: re.Match[str]) -> str:
    """Such as `lander_rl.export('runs/a')`; the command itself where a word of it has no place in a call."""
    function, plain, named = command[1], list[str](), dict[str, str]()
    try:
        words = iter(shlex.split(command[2]))
        for word in words:
            if not word.startswith("-"):
                plain.append(_literal(word))
            elif word[2:] in _TAKEN_OVER:
                value = next(words)
                named[word[2:]] = value if word == "--steps" else _literal(value)
            else:
                return command[0]
    except (ValueError, StopIteration):
        return command[0]
    if "resume" in named:
        function, plain = "resume", [named.pop("resume"), *plain]
    if len(plain) > 1 and function != "plot":
        return command[0]
    arguments = (*plain, *(f"{name}={value}" for name, value in named.items()))
    return f"lander_rl.{function}({', '.join(arguments)})"


def _literal(word: str) -> str:
    return word if _PLACEHOLDER.fullmatch(word) else repr(word)


def _argument(option: re.Match[str]) -> str:
    return _OTHER_NAMES.get(option[1], option[1].replace("-", "_"))
