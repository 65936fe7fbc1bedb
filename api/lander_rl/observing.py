"""Observers: objects of the caller that are called while an evaluation, a comparison or a replay runs.

There are two kinds. An `EpisodeObserver` is any object with `on_episode(episode)`, called for every episode.
A subclass of `EvaluationObserver` is also called at each stage. examples/watch_episodes.py has one of each.
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
    """Follows an evaluation, a comparison or a replay. Its methods do nothing: override what you need.

    The order is: `on_note` for what is opened, `on_start`, `on_episode` for each episode, `on_end`,
    `on_report`. The same follows for episodes that are recorded. An error of a method ends the work.
    """

    def on_note(self, sentence: str) -> None:
        """Something that the user should know, such as which policy was taken or what was assumed of it."""

    def on_start(self, stage: str, episodes: int) -> None:
        """`episodes` episodes follow; `stage` is a word for their purpose, or the name of their policy."""

    def on_stage(self, stage: str) -> None:
        """The episodes that follow are of another policy."""

    def on_episode(self, episode: "Episode") -> None:
        """One episode has ended. In an evaluation they come in the order of their seeds."""

    def on_finished(self, episodes: int) -> None:
        """`episodes` more have ended on a cluster, in any order; `on_episode` follows for each in turn."""

    def on_checked(self, check: "EpisodeCheck") -> None:
        """In a replay: an episode of the file was run again; `check` says whether it equals the file."""

    def on_recorded(self, path: Path, episode: "Episode") -> None:
        """An episode was run once more and its GIF or MP4 written to `path`."""

    def on_end(self) -> None:
        """The stage that `on_start` began has ended, with an error or without."""

    def on_report(self, report: "Report") -> None:
        """The report is complete. GIFs and the report page are made after it and may still fail."""


@runtime_checkable
class Keeping(Protocol):
    """An observer that needs the steps of an episode, not only its end."""

    @property
    def keep(self) -> "Keep":
        """Which values of every step it needs."""
        ...


class Listeners:
    """Passes every episode on to several observers, one after the other."""

    def __init__(self, *observers: "EpisodeObserver | None") -> None:
        """None stands for no observer."""
        self._observers = [observer for observer in observers if observer is not None]

    @property
    def keep(self) -> "Keep":
        """Which values of every step at least one of them needs."""
        from lander_runtime.episodes.episode import NOTHING

        keep = NOTHING
        for observer in self._observers:
            keep |= observer.keep if isinstance(observer, Keeping) else NOTHING
        return keep

    def on_episode(self, episode: "Episode") -> None:
        for observer in self._observers:
            observer.on_episode(episode)


def stages_of(observer: "EpisodeObserver | None") -> EvaluationObserver:
    """`observer` if it is an `EvaluationObserver`, else one that does nothing."""
    return observer if isinstance(observer, EvaluationObserver) else EvaluationObserver()


@contextmanager
def stage(observer: EvaluationObserver, name: str, episodes: int) -> Iterator[None]:
    """Tell `observer` of the beginning and the end of some episodes."""
    observer.on_start(name, episodes)
    try:
        yield
    finally:
        observer.on_end()
