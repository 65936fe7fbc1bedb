"""Messages of long work on stderr: sentences, and a bar on a terminal."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from lander_cli.terminal.console import EpisodeBar, episode_bar, say
from lander_rl.observing import EvaluationObserver

if TYPE_CHECKING:
    from pathlib import Path

    from lander_runtime.episodes.episode import Episode
    from lander_runtime.replays import EpisodeCheck


class Talk(EvaluationObserver):
    """Prints notes, and counts episodes on a bar."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._bar: EpisodeBar | None = None

    def on_note(self, sentence: str) -> None:
        say(sentence)

    def on_start(self, stage: str, episodes: int) -> None:
        self._bar = self._open.enter_context(episode_bar(episodes))

    def on_stage(self, stage: str) -> None:
        if self._bar is not None:
            self._bar.describe(stage)

    def on_episode(self, episode: "Episode") -> None:
        self._advance(episode)

    def on_recorded(self, path: "Path", episode: "Episode") -> None:
        self._advance(episode)

    def on_checked(self, check: "EpisodeCheck") -> None:
        self._advance(check)

    def on_finished(self, episodes: int) -> None:
        if self._bar is not None:
            self._bar.on_finished(episodes)

    def on_end(self) -> None:
        self._open.close()
        self._bar = None

    def _advance(self, what: object) -> None:
        if self._bar is not None:
            self._bar.on_episode(what)
