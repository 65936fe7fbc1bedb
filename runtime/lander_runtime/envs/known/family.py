"""The shape of what must be known to make environments that come from a package other than Gymnasium.

Apart from `knowledge.py`, which is about reading what one environment says; this is about getting there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec, WrapperSpec


@dataclass(frozen=True)
class Argument:
    """What a recipe may say for one argument."""

    wanted: str
    """In words, to follow "should be"."""
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Family:
    """Environments whose ids begin alike, and what they need."""

    prefix: str
    """How their ids begin."""

    module: str
    """Importing it registers them with Gymnasium. It is named here and never by a policy file."""

    extra: str
    """The extra of this distribution that installs the package."""

    distribution: str
    """The package as pip calls it; other versions of it may be other environments."""

    arguments: Mapping[str, Argument]
    """What a recipe may set. A policy file comes from strangers, and some packages take programs to run
    and files to write as arguments, so that all others are refused."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that a recipe has when nobody names others."""

    wrappers: tuple[WrapperSpec, ...] = ()
    """Wrappers that a recipe has when nobody names others."""

    adapter: str = ""
    """`module:function` that takes every environment as Gymnasium made it and returns it fit to be used
    here; for what concerns this machine and is therefore no part of a recipe."""

    engines: bool = False
    """Each environment is a program of its own, and who steps it waits for it."""

    def check(self, spec: EnvSpec) -> None:
        """Raise `InputRefused` for an argument that is not on the list, or has no fitting value."""
        for name, value in spec.kwargs.items():
            if name not in self.arguments:
                raise InputRefused(
                    f"{spec.id} takes no argument {name!r} here; it takes {', '.join(self.arguments)}."
                )
            if not self.arguments[name].accepts(value):
                raise InputRefused(
                    f"{spec.id}: {name} should be {self.arguments[name].wanted}, found {value!r}."
                )
