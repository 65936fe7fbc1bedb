"""What long work tells while it runs: observers, which a caller writes and passes in.

Two kinds. Anything with `on_episode(episode)` is an `EpisodeObserver` and hears of every episode. A subclass
of `EvaluationObserver` also hears of the stages. examples/watch_episodes.py has one of each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import Episode, EpisodeObserver, Keep
    from lander_runtime.replays import EpisodeCheck
    from lander_runtime.scores.report import Report


class EvaluationObserver:
    """Hears how far an evaluation, a comparison or a replay is. Every method does nothing: override some.

    The order is `on_note` for what is opened, `on_start`, `on_episode` for each episode, `on_end`,
    `on_report`, and then the same again for what is recorded. What a method raises ends the work.
    """

    def on_note(self, sentence: str) -> None:
        """Something that the user should know, such as which policy was taken or what was assumed of it."""

    def on_start(self, stage: str, episodes: int) -> None:
        """So many episodes follow; `stage` is what for, in a word or a policy's name."""

    def on_stage(self, stage: str) -> None:
        """The episodes that follow are of another policy."""

    def on_episode(self, episode: "Episode") -> None:
        """One episode has ended. In an evaluation they come in the order of their seeds."""

    def on_finished(self, episodes: int) -> None:
        """That many have ended on a cluster, in any order; `on_episode` follows for each in its turn."""

    def on_checked(self, check: "EpisodeCheck") -> None:
        """In a replay: an episode of the file was run again, and was as the file says or not."""

    def on_recorded(self, path: Path, episode: "Episode") -> None:
        """An episode was run once more for a picture, which is at `path`."""

    def on_end(self) -> None:
        """What began with `on_start` has ended, also where it ended in an error."""

    def on_report(self, report: "Report") -> None:
        """The scores are there. GIFs and the page, which may still fail, are made after it."""


@runtime_checkable
class Keeping(Protocol):
    """An observer that needs more than how an episode ended."""

    @property
    def keep(self) -> "Keep":
        """What it needs of every step."""
        ...


class Listeners:
    """Hands every episode to several observers, in turn."""

    def __init__(self, *observers: "EpisodeObserver | None") -> None:
        """None stands for no observer."""
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


def stages_of(observer: "EpisodeObserver | None") -> EvaluationObserver:
    """`observer` where it hears of stages, else one that does nothing."""
    return observer if isinstance(observer, EvaluationObserver) else EvaluationObserver()


@contextmanager
def stage(observer: EvaluationObserver, name: str, episodes: int) -> Iterator[None]:
    """Tell `observer` of the beginning and the end of some episodes."""
    observer.on_start(name, episodes)
    try:
        yield
    finally:
        observer.on_end()
