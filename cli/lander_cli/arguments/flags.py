"""Options without a value in `--help`: typer writes `<bool>` behind them, as if one had to be typed."""

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class Command(TyperCommand):
    """A command whose help shows a type only where a value is typed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included."""
        return _without_types(super().get_params(ctx))


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
