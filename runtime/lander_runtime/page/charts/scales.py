"""Maps values to positions in a picture, and chooses round tick values. Pure functions."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` (low < high) linearly to positions from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """About `wanted` round numbers within the scale."""
        step = round_step((self.high - self.low) / wanted)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [count * step for count in range(first, last + 1)]


def round_step(size: float) -> float:
    """The smallest of 1, 2, 5, 10 and so on, times a power of ten, that is at least `size` > 0."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= size * (1.0 - 1e-9))


def around(low: float, high: float, share: float = 0.05) -> tuple[float, float]:
    """The range from `low` to `high` with a margin at both ends; never empty."""
    room = (high - low) * share or abs(low) * share or 1.0
    return low - room, high + room


def in_words(value: float) -> str:
    """A tick's label, with a true minus sign."""
    # From a million on `g` would write 1e+06.
    written = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return written.replace("-", "\N{MINUS SIGN}")
