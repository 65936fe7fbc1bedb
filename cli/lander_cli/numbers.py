"""Whole numbers as people type them: 1000, 1_000 or 1e3, as `lander train --steps` takes them too."""

from collections.abc import Callable

import typer


def whole_number(least: int) -> Callable[[int | str], int]:
    """A parser for typer that takes whole numbers from `least` on."""

    def parse(value: int | str) -> int:
        try:
            number = _whole(value)
        except (ValueError, OverflowError) as error:
            raise typer.BadParameter(
                f"{value!r} is not a whole number such as 1000, 1_000 or 1e3."
            ) from error
        if number < least:
            raise typer.BadParameter(f"{number} is not in the range x>={least}.")
        return number

    return parse


def number_or_auto(value: str) -> str:
    """A parser for typer that takes `auto` or a whole number from 1 on."""
    return "auto" if value == "auto" else str(whole_number(1)(value))


def _whole(value: int | str) -> int:
    try:
        # First, because a float holds no more than 53 bits.
        return int(value)
    except ValueError:
        number = float(value)
        if number != int(number):
            raise
        return int(number)
