"""The length of a training as people write it: seconds, or text such as `60s`, `2m` or `1h30m`.

Checked when a request is made, so that a typing error is seen before PyTorch is loaded.
"""

import re

from lander_runtime.errors import UsageError
from lander_runtime.text import quoted, shortened

LEAST = 1.0
"""Seconds, as of the setting `time_limit`."""

_EXAMPLES = "such as 60s, 2m or 1h30m"

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}

_NUMBER = r"([\d._]+(?:e\d+)?)"

_PATTERN = re.compile(rf"(-?)(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s?)?")


def seconds_of(time: float | str | None) -> float | None:
    """The seconds that `time` stands for. What is no text and no number is left to the settings.

    Raises:
        UsageError: it is text of another form, or less than a second.
    """
    seconds = _read(time) if isinstance(time, str) else time
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds < LEAST:
        raise UsageError(f"--time {shortened(str(time))} is too short; give at least 1s, {_EXAMPLES}.")
    return seconds


def _read(text: str) -> float:
    parts = _PATTERN.fullmatch(text.strip().lower())
    numbers = [] if parts is None else parts.groups()[1:]
    try:
        found = [
            float(number) * unit for number, unit in zip(numbers, _UNITS.values(), strict=True) if number
        ]
    except ValueError:  # Such as 1.2.3
        found = []
    if parts is None or not found:
        raise UsageError(f"--time {quoted(text)} is no duration; write seconds or a text {_EXAMPLES}.")
    return -sum(found) if parts[1] else sum(found)
