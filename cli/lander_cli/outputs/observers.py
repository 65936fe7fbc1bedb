"""Several observers of one evaluation: the bar, a replay that is saved, the pictures of a page."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import Episode, EpisodeObserver, Keep


@runtime_checkable
class Keeping(Protocol):
    """An observer that needs more than how an episode ended."""

    @property
    def keep(self) -> "Keep":
        """What it needs of every step."""
        ...


class Listeners:
    """Hands every episode to all of them, in turn."""

    def __init__(self, *observers: "EpisodeObserver | None") -> None:
        """None is nobody."""
        self._observers = [observer for observer in observers if observer is not None]

    @property
    def keep(self) -> "Keep":
        """What all of them together need of every step."""
        from lander_runtime.episodes.episode import NOTHING

        keep = NOTHING
        for observer in self._observers:
            keep |= observer.keep if isinstance(observer, Keeping) else NOTHING
        return keep

    def on_episode(self, episode: "Episode") -> None:
        for observer in self._observers:
            observer.on_episode(episode)
