"""How often a run saves its checkpoint: after the first update, and then as often as costs it little time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 0.005
"""Of the time of a run that saving may take. A lander's checkpoint takes some milliseconds, so a run that is
killed loses a second or two; one that keeps the actions of long episodes takes longer."""


class SavePace:
    """Says when a save is due, from how long the last one took."""

    def __init__(self, longest: float, clock: Callable[[], float]) -> None:
        """Nothing was saved yet, so a save is due.

        Args:
            longest: seconds after which a save is due whatever it costs.
            clock: the time in seconds.
        """
        self._longest = longest
        self._clock = clock
        self._next: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether to save now."""
        return self._next is None or self._clock() >= self._next

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measure the save that is made inside."""
        started = self._clock()
        yield
        ended = self._clock()
        self._next = ended + min(self._longest, (ended - started) * (1 - SHARE) / SHARE)
