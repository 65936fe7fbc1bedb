"""Says at the start of a run with a time limit that it will take longer, where it will.

The limit is looked at between updates, and the last update is followed by a selection. Where both together
take more than a fifth of the limit, people should know before they wait.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lander_trainer.observer import TrainObserver

if TYPE_CHECKING:
    from lander_trainer import Progress, TrainConfig

_ALLOWED = 0.2
"""Share of the limit that a run may take longer without a word."""

_ENOUGH_SECONDS = 0.5
"""Of the first rollout, from which the rest of it can be estimated."""

_SLOWER = {"native": 40.0, "envpool": 2.0}
"""How many times longer a step takes in Gymnasium than on another backend, roughly."""

_LONGEST_EPISODE = 1000
"""Steps of an episode where the environment has no limit."""


class Overrun(TrainObserver):
    """Estimates from the first rollout, once."""

    def __init__(self, say: Callable[[str], None], limit: int | None) -> None:
        """`say` prints a line for the user; `limit` is the most steps of an episode."""
        self._say: Callable[[str], None] | None = say
        self._episode = limit or _LONGEST_EPISODE
        self._config: TrainConfig | None = None

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._config = config

    def on_collect(self, done: float, seconds: float) -> None:
        config = self._config
        if self._say is None or config is None or config.time_limit is None:
            return
        if seconds < _ENOUGH_SECONDS and done < 1.0:
            return
        say, self._say = self._say, None
        rollout = seconds / done
        steps = config.lanes * config.rollout_steps
        # At the speed of training, where environments step in parallel; the greedy policy may fail sooner.
        selection = rollout * config.selection_episodes * self._episode / steps
        if config.selection_backend == "gymnasium" or config.target_score is not None:
            selection *= _SLOWER.get(config.backend, 1.0)
        if rollout + selection > _ALLOWED * config.time_limit:
            whole = config.time_limit + rollout + selection
            say(
                f"This may take up to {_in_words(whole)}, not {config.time_limit:g} s: "
                f"a rollout takes about {_in_words(rollout)} here, and the selection at the end up to "
                f"{_in_words(selection)}. Lower rollout_steps and selection_episodes for less."
            )


def _in_words(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 20.0 else f"{seconds:.2g} s"
