"""Whole numbers as people type them: 1000, 1_000 or 1e3."""

from collections.abc import Callable
from typing import Any

import typer

MOST_EPISODES = 10**12
"""Episodes for years; a larger number is a typing error."""


def whole_number(least: int, most: int | None = None) -> Callable[[int | str], int]:
    """A parser for typer that takes whole numbers from `least` to `most`."""

    def parse(value: int | str) -> int:
        try:
            number = _whole(value)
        except (ValueError, OverflowError) as error:
            raise typer.BadParameter(
                f"{value!r} is not a whole number such as 1000, 1_000 or 1e3."
            ) from error
        if number < least:
            raise typer.BadParameter(f"{number} is not in the range x>={least}.")
        if most is not None and number > most:
            raise typer.BadParameter(f"{number} is not in the range x<={most}.")
        return number

    return parse


def integer(least: int, most: int | None = None) -> dict[str, Any]:
    """What `typer.Option` takes for a whole number from `least` to `most`."""
    return {"parser": whole_number(least, most), "metavar": "INTEGER"}


def number_or_auto(value: str) -> str:
    """A parser for typer that takes `auto` or a whole number from 1 on."""
    return "auto" if value == "auto" else str(whole_number(1)(value))


NUMBER_OR_AUTO: dict[str, Any] = {"parser": number_or_auto, "metavar": "N|auto"}
"""What `typer.Option` takes for such a value."""


def _whole(value: int | str) -> int:
    try:
        # First, because a float holds no more than 53 bits.
        return int(value)
    except ValueError:
        number = float(value)
        if number != int(number):
            raise
        return int(number)
