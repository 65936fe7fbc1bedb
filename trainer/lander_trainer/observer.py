"""What a run tells its caller: an observer while it goes, a result when it ends.

A file of its own, so that progress displays and trackers need not load the training loop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lander_trainer.config import TrainConfig
    from lander_trainer.ppo.rollout import ActorForward
    from lander_trainer.runs.checkpoint import Progress
    from lander_trainer.runs.metrics import UpdateMetrics

    Policy = Callable[[NDArray[Any]], NDArray[Any]]

_TELL_SECONDS = 0.5


class TrainObserver(Protocol):
    """Is called with the progress of a run. Inherit from it and write the methods that you need.

        class Watch(TrainObserver):
            def __init__(self) -> None:
                self.bad_updates = 0

            def on_update(self, metrics):
                critic = metrics.explained_variance
                self.bad_updates = self.bad_updates + 1 if critic is not None and critic < 0.0 else 0

            def is_stuck(self) -> bool:
                return self.bad_updates >= 20

        watch = Watch()
        run = lander_rl.train("CartPole-v1", observer=watch, stop=watch.is_stuck)

    To end a run early, give `train` a function as `stop`: it is called after `on_update`, and True saves the
    run and ends it; `examples/early_stopping.py` is a whole program. An error that an observer raises ends
    the run without saving. Methods are called in the caller's thread, and all but `on_collect` and
    `on_selection_start` between updates, so what they take is added to the duration of the run but not to its
    `seconds`.
    """

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        """Called once, before the first step.

        Args:
            config: the settings; backend, device, workers and learner are those that really run.
            run: the run's folder.
            progress: how far the run has come; all zero, unless it is resumed.
        """

    def on_collect(self, done: float, seconds: float) -> None:
        """Called twice a second during the first rollout, which can be long, and at its end.

        Args:
            done: share of the rollout that is collected, in (0, 1].
            seconds: time since its start.
        """

    def on_selection_start(self, episodes: int) -> None:
        """Called before a selection, and before `on_update` of the same update.

        Args:
            episodes: how many it runs, which can take longer than an update.
        """

    def on_update(self, metrics: "UpdateMetrics") -> None:
        """Called after every update, when its row is in `metrics.jsonl`; `metrics` has what the row has."""

    def on_selection(self, score: float, policy: "Policy") -> None:
        """Called after `on_update` where the update ended with a selection.

        Args:
            score: of the selection.
            policy: the greedy policy, observations `[N, *obs_shape]` -> actions `[N, ...]` for `env.step`. It
                changes with the next update.
        """


def tell_collected(observer: TrainObserver, done: float, seconds: float) -> None:
    """Call `on_collect`; an observer may be any object with the methods of earlier versions."""
    getattr(observer, "on_collect", _nothing)(done, seconds)


def tell_selection_start(observer: TrainObserver, episodes: int) -> None:
    """Call `on_selection_start`, likewise."""
    getattr(observer, "on_selection_start", _nothing)(episodes)


def tell_selected(observer: TrainObserver, score: float, policy: "Policy") -> None:
    """Call `on_selection`, likewise."""
    getattr(observer, "on_selection", _nothing)(score, policy)


def _nothing(*_: object) -> None:
    pass


class FirstRollout:
    """Tells an observer how far the first rollout has come; of later ones the length is known.

    It counts the calls of the policy, one a step, so that the collector need not know of observers.
    """

    def __init__(self, observer: TrainObserver, steps: int) -> None:
        """`steps` of one lane in the rollout."""
        self._observer = observer
        self._steps = steps
        self._seen = 0
        self._started = self._told = time.perf_counter()

    def watched(self, policy: "ActorForward") -> "ActorForward":
        """`policy`, with the calls of it counted."""

        def counted(obs: "NDArray[Any]") -> Any:
            now = time.perf_counter()
            if 0 < self._seen < self._steps and now - self._told >= _TELL_SECONDS:
                self._told = now
                tell_collected(self._observer, self._seen / self._steps, now - self._started)
            self._seen += 1
            return policy(obs)

        return counted

    def end(self) -> None:
        """The rollout is complete."""
        tell_collected(self._observer, 1.0, time.perf_counter() - self._started)


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run: Path
    """Its folder."""
    progress: "Progress"
    interrupted: bool
    """`stop` ended the run before its last update; the run can be resumed."""
    reached_target: bool
    """A selection scored at least `target_score`, which ended the run."""
