"""One evaluation cut into parts for independent machines: `--shard i/n`.

Apart from the engines of `evaluation/`, which cut one run into shards by themselves: the user starts each
of these parts, and `merge.py` joins their reports.
"""

import re
from dataclasses import dataclass

from lander_runtime.errors import UsageError
from lander_runtime.json_data.fields import Fields


@dataclass(frozen=True)
class Shard:
    """Which part of which evaluation a report is.

    Raises:
        UsageError: no such part, or more parts than episodes.
    """

    index: int
    """1 to `of`."""
    of: int
    """The number of parts."""
    first_seed: int
    """Of the whole evaluation."""
    episodes: int
    """Of the whole evaluation, at least `of`."""

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of:
            raise UsageError(f"Shard {self.index}/{self.of} does not exist; type 1/2 for the first of two.")
        if self.episodes < self.of:
            raise UsageError(
                f"{self.episodes} episodes cannot be cut into {self.of} parts; take at most {self.episodes}."
            )

    @classmethod
    def parse(cls, text: str, first_seed: int, episodes: int) -> "Shard":
        """The part that `text`, such as `2/8`, means of so many episodes.

        Raises:
            UsageError: it is no such text, or there is no such part.
        """
        numbers = re.fullmatch(r"([0-9]{1,18})/([0-9]{1,18})", text.strip())
        if numbers is None:
            raise UsageError(f"--shard {text!r} should be a part such as 1/8, the first of eight.")
        return cls(int(numbers[1]), int(numbers[2]), first_seed, episodes)

    @property
    def numbers(self) -> range:
        """The episode numbers of this part; sizes of parts differ by one episode at most."""
        return range(
            (self.index - 1) * self.episodes // self.of,
            self.index * self.episodes // self.of,
        )

    @property
    def seeds(self) -> range:
        """The seeds of its episodes."""
        numbers = self.numbers
        return range(self.first_seed + numbers.start, self.first_seed + numbers.stop)

    @classmethod
    def from_json(cls, source: Fields) -> "Shard":
        index, of, first_seed, episodes = (
            source.integer(key) for key in ("index", "of", "first_seed", "episodes")
        )
        if not (1 <= index <= of <= episodes and first_seed >= 0):
            raise source.wrong("index", "a part of an evaluation", dict(source.data))
        return cls(index, of, first_seed, episodes)
