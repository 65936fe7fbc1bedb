"""Options with and without a value, where typer's own words mislead.

In `--help` it writes `<bool>` behind an option that takes no value. And whether no GIF is `--no-gif` or
`--gif none` differs between the commands, so the other spelling is answered with the right one.
"""

from itertools import pairwise, takewhile
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from lander_runtime.errors import UsageError


class Command(TyperCommand):
    """A command whose help shows a type only where a value is typed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included."""
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises:
            UsageError: `--no-gif` or `--gif none` is typed where it is the other one.
        """
        gif = next((one for one in self.params if "--gif" in one.opts), None)
        if isinstance(gif, TyperOption):
            _check_gif(gif, list(takewhile(lambda word: word != "--", args)))
        return super().parse_args(ctx, args)


_COMMAND_FOR = {
    "record": "lander eval FILE --gif FILE.gif",
    "resume": "lander train --resume RUN",
    "open_policy": "lander inspect FILE",
    "environments": "lander envs",
}
"""Names of functions of `lander_rl` that have no command of that name, and what to type instead."""


class Group(TyperGroup):
    """The same for the options before a command; a function's name is answered with its command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was typed; raises `UsageError` of typer where there is none."""
        command = _COMMAND_FOR.get(args[0]) if args else None
        if command is not None:
            ctx.fail(f"No such command {args[0]!r}. Type: {command}")
        return super().resolve_command(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included."""
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list[Any]) -> list[Any]:
    for one in parameters:
        if isinstance(one, TyperOption) and one.is_flag and one.metavar is None:
            one.metavar = ""
    return parameters


def _check_gif(gif: TyperOption, args: list[str]) -> None:
    if gif.is_flag:
        if "--gif=none" in args or ("--gif", "none") in pairwise(args):
            raise UsageError("Here --gif takes no value. Type --no-gif in place of --gif none.")
    elif "--no-gif" in args:
        if "none" in (gif.help or ""):
            raise UsageError("Here --gif takes a value. Type --gif none in place of --no-gif.")
        raise UsageError("No GIF is drawn without --gif. Leave out --no-gif.")
