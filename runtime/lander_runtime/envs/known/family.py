"""The settings needed to make the environments of a package other than Gymnasium.

Apart from `knowledge.py`, which describes one environment once it is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec, WrapperSpec


@dataclass(frozen=True)
class Argument:
    """The values that a recipe may have for one argument."""

    wanted: str
    """In words, for a message: "should be ..."."""
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Family:
    """The environments of one package, recognised by the start of their ids."""

    prefix: str
    """The start of their ids."""

    module: str
    """Importing it registers them with Gymnasium. The name comes from here, never from a policy file."""

    extra: str
    """The extra of lander-rl that installs the package."""

    distribution: str
    """The package's name for pip; its version can change the environments."""

    arguments: Mapping[str, Argument]
    """What a recipe may set; all other arguments are refused. A policy file is untrusted, and some packages
    have arguments that name programs to run and files to write."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Default arguments of a recipe."""

    wrappers: tuple[WrapperSpec, ...] = ()
    """Default wrappers of a recipe."""

    adapter: str = ""
    """`module:function` that wraps each environment made by Gymnasium. For matters of this machine, which
    are not part of a recipe."""

    engines: bool = False
    """Whether each environment runs as a program of its own; a step then waits for that program."""

    def check(self, spec: EnvSpec) -> None:
        """Raise `InputRefused` for an argument that is not on the list or has a wrong value."""
        for name, value in spec.kwargs.items():
            if name not in self.arguments:
                raise InputRefused(
                    f"{spec.id} takes no argument {name!r} here; it takes {', '.join(self.arguments)}."
                )
            if not self.arguments[name].accepts(value):
                raise InputRefused(
                    f"{spec.id}: {name} should be {self.arguments[name].wanted}, found {value!r}."
                )
