"""Checks of the numbers that an evaluation and a comparison take."""

from lander_runtime.errors import UsageError


def check_numbers(episodes: int, seed: int, lanes: int, workers: int | str) -> None:
    """Check the ranges.

    Raises:
        UsageError: a value is out of range.
    """
    for name, value, least in (("episodes", episodes, 1), ("seed", seed, 0), ("lanes", lanes, 1)):
        _check_whole(name, value, least)
    if workers != "auto":
        _check_whole("workers", workers, 1, " or 'auto'")


def _check_whole(name: str, value: object, least: int, otherwise: str = "") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} should be a whole number from {least} on{otherwise}, found {value!r}.")
