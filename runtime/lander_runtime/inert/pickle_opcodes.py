"""A pickle as plain data: its opcodes are read one by one, no name is looked up and nothing is called.

What the pickle would make is described by `Made`: the name, the arguments, and the state that it would be
given. Opcodes and names that are not on a list are refused, so a pickle of anything else never gets far.
"""

import pickletools
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.text import quoted

_MOST_OPCODES = 200_000

_MARK = object()
_PLAIN = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINSTRING", "BINSTRING"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
"""Opcodes that push their argument."""
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


@dataclass(frozen=True, eq=False)
class Name:
    """A class or function that the pickle refers to."""

    text: str
    """Module and name, such as `numpy.dtype`."""


@dataclass(eq=False)
class Made:
    """An object that the pickle would make."""

    name: str
    args: tuple[Any, ...]
    state: Any = None


def read_inert(content: bytes, allowed: Callable[[str], bool], where: str) -> Any:
    """What a pickle describes.

    Args:
        content: the pickle.
        allowed: whether it may refer to this class or function.
        where: the file's name, for messages.

    Raises:
        InputRefused: it is no pickle, is damaged, or has an opcode or a name that is not allowed.
    """
    machine = _Machine(allowed, where)
    try:
        for count, (opcode, arg, _) in enumerate(pickletools.genops(content)):
            if count > _MOST_OPCODES:
                raise InputRefused(f"{where}: a pickle with more than {_MOST_OPCODES:,} opcodes.")
            if opcode.name == "STOP":
                return machine.result()
            machine.step(opcode.name, arg)
    except InputRefused:
        raise
    except Exception as error:  # A damaged pickle can raise anything.
        raise InputRefused(f"{where}: not a pickle, or a damaged one ({type(error).__name__}).") from error
    raise InputRefused(f"{where}: a pickle without an end.")


class _Machine:
    """The stack and the memo of a pickle, as in CPython's Lib/pickle.py, with descriptions for objects."""

    def __init__(self, allowed: Callable[[str], bool], where: str) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.allowed = allowed
        self.where = where

    def result(self) -> Any:
        if len(self.stack) != 1 or self.stack[0] is _MARK:
            raise ValueError("something is left on the stack")
        return self.stack[0]

    def step(self, name: str, arg: Any) -> None:
        if name in ("PROTO", "FRAME"):
            return
        if name in _PLAIN:
            self.stack.append(arg)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name in _STEPS:
            _STEPS[name](self, arg)
        else:
            raise InputRefused(f"{self.where}: has the pickle opcode {name}, which statistics do not need.")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value should be")
        return value

    def pop_to_mark(self) -> list[Any]:
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def push_tuple(self, size: int) -> None:
        self.stack.append(tuple(reversed([self.pop() for _ in range(size)])))

    def push_name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        text = f"{module}.{name}"
        if not self.allowed(text):
            raise InputRefused(f"{self.where}: refers to {quoted(text)}, which statistics do not need.")
        self.stack.append(Name(text))

    def make(self) -> None:
        args, function = self.pop(), self.pop()
        if not isinstance(function, Name) or not isinstance(args, tuple):
            raise ValueError("something is called that is no name")
        # Gymnasium's Dict keeps its spaces in one, filled like a dict.
        empty = function.text == "collections.OrderedDict" and not args
        self.stack.append({} if empty else Made(function.text, args))

    def build(self) -> None:
        state, made = self.pop(), self.top()
        if not isinstance(made, Made):
            raise ValueError("a state for something that was not made")
        made.state = state

    def set_items(self, items: list[Any]) -> None:
        mapping = self.top()
        if not isinstance(mapping, dict) or len(items) % 2:
            raise ValueError("items for something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Only these: a tuple of tuples can take for ever to hash.
            if not isinstance(key, str | int):
                raise ValueError("a key that is neither text nor a number")
            mapping[key] = value

    def extend(self, items: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise ValueError("items for something that is no list")
        target.extend(items)

    def memoize(self, index: int) -> None:
        self.memo[index] = self.top()


_STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "TUPLE1": lambda m, _: m.push_tuple(1),
    "TUPLE2": lambda m, _: m.push_tuple(2),
    "TUPLE3": lambda m, _: m.push_tuple(3),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "STACK_GLOBAL": lambda m, _: m.push_name(*reversed([m.pop(), m.pop()])),
    "GLOBAL": lambda m, arg: m.push_name(*arg.split(" ", 1)),
    "REDUCE": lambda m, _: m.make(),
    "NEWOBJ": lambda m, _: m.make(),
    "BUILD": lambda m, _: m.build(),
    "SETITEM": lambda m, _: m.set_items(list(reversed([m.pop(), m.pop()]))),
    "SETITEMS": lambda m, _: m.set_items(m.pop_to_mark()),
    "APPEND": lambda m, _: m.extend([m.pop()]),
    "APPENDS": lambda m, _: m.extend(m.pop_to_mark()),
    "MEMOIZE": lambda m, _: m.memoize(len(m.memo)),
    "BINPUT": lambda m, arg: m.memoize(arg),
    "LONG_BINPUT": lambda m, arg: m.memoize(arg),
    "BINGET": lambda m, arg: m.stack.append(m.memo[arg]),
    "LONG_BINGET": lambda m, arg: m.stack.append(m.memo[arg]),
}


def entry(made: Any, key: Hashable) -> Any:
    """`key` of the state of an object that a pickle describes; None where there is none."""
    state = made.state if isinstance(made, Made) else None
    return state.get(key) if isinstance(state, dict) else None
