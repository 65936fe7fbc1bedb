"""Numbers as people type them: 1000, 1_000 or 1e3; durations such as 2m or 1h30m."""

import re
from collections.abc import Callable
from typing import Any

import typer

from lander_runtime.errors import UsageError

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


def duration(text: str) -> float:
    """Seconds in a text such as `90`, `60s`, `2m` or `1h30m`.

    Raises:
        UsageError: it is none of these, or zero.
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    parts = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?", text.strip().lower())
    try:
        found = (
            []
            if parts is None
            else [float(p) * u for p, u in zip(parts.groups(), units.values(), strict=True) if p]
        )
    except ValueError:  # Such as 1.2.3
        found = []
    if sum(found) <= 0.0:
        raise UsageError(f"{text!r} is no duration; write it as 60s, 2m or 1h30m.")
    return sum(found)


def _whole(value: int | str) -> int:
    try:
        # First, because a float holds no more than 53 bits.
        return int(value)
    except ValueError:
        number = float(value)
        if number != int(number):
            raise
        return int(number)
