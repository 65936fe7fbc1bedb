"""What the continuous actions of an evaluation were, where their units are not known for certain.

Apart from `scores/summary.py`: it is no statistic of the returns, and only some reports have it. Numbers of
all episodes together, so that parts of an evaluation add up to the whole.
"""

from dataclasses import asdict, dataclass
from typing import Any

from lander_runtime.json_data.fields import Fields


@dataclass(frozen=True)
class ActionsSeen:
    """Of the actions as the environment took them, clipped to its bounds."""

    count: int
    """Actions, one a step."""
    at_bounds: int
    """How many of them have a component at one of its bounds."""
    low: float
    high: float
    """The lowest and the highest component of any of them."""
    bounds: tuple[float | None, float | None]
    """The lowest and the highest bound of any component; None where there is none."""

    def __add__(self, other: "ActionsSeen") -> "ActionsSeen":
        return ActionsSeen(
            self.count + other.count,
            self.at_bounds + other.at_bounds,
            min(self.low, other.low),
            max(self.high, other.high),
            self.bounds,
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bounds": list(self.bounds), "at_bounds_share": self.at_bounds / self.count}

    @classmethod
    def from_json(cls, source: Fields) -> "ActionsSeen":
        count, at_bounds = source.integer("count"), source.integer("at_bounds")
        if not 0 <= at_bounds <= count or count < 1:
            raise source.wrong("at_bounds", f"from 0 to {count}, the count", at_bounds)
        bounds = source.items("bounds")
        if len(bounds) != 2:
            raise source.wrong("bounds", "two numbers", bounds)
        ends = Fields(dict(zip(("low", "high"), bounds, strict=True)), f"{source.where}: bounds")
        return cls(
            count,
            at_bounds,
            source.number("low"),
            source.number("high"),
            (ends.optional_number("low"), ends.optional_number("high")),
        )

    @property
    def in_words(self) -> str:
        """Such as `-0.98 to 1.00, 2.5% at a bound`."""
        return f"{self.low:.2f} to {self.high:.2f}, {self.at_bounds / self.count:.1%} at a bound"

    def cautions(self) -> list[str]:
        """A sentence where the actions look as if they were not in the environment's units."""
        low, high = (float("inf") if end is None else abs(end) for end in self.bounds)
        if self.low < -1.0 or self.high > 1.0 or max(low, high) <= 1.0:
            return []
        ends = " to ".join("no bound" if end is None else f"{end:g}" for end in self.bounds)
        return [
            f"All {self.count:,} actions lie within -1 to 1, and the environment's go from {ends}: where the "
            "policy's library scales them afterwards, this score is wrong, and --action-range -1,1 mends it."
        ]
