"""Carries out a request for training. The command and Python differ in the display and in what stops it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from lander_rl.training.overrun import Overrun
from lander_rl.training.planning import Prepared, prepare_training
from lander_rl.training.progress import open_display, open_talk
from lander_rl.training.request import ResumeRequest, TrainRequest
from lander_rl.training.stopping import stop_on_interrupt
from lander_rl.wording import in_python
from lander_trainer.observer import tell_collected, tell_selected, tell_selection_start

if TYPE_CHECKING:
    from pathlib import Path

    from lander_trainer import Progress, TrainConfig, TrainObserver, TrainResult, UpdateMetrics
    from lander_trainer.logs import RunLog
    from lander_trainer.logs.fan_out import FanOut
    from lander_trainer.observer import Policy

    Display = Callable[[], AbstractContextManager[TrainObserver | None]]
    Stopping = Callable[[], AbstractContextManager[Callable[[], bool]]]


def run_training(
    request: TrainRequest | ResumeRequest,
    *,
    say: Callable[[str], None],
    display: "Display",
    stopping: "Stopping",
    on_log_failure: Callable[[str], None],
    observer: "TrainObserver | None" = None,
    announce: Callable[[str], None] | None = None,
) -> "TrainResult":
    """Train as `request` says.

    Args:
        request: a new run, or more of one.
        say: prints a line for the user.
        display: opens the display of the progress.
        stopping: opens the function that is called after every update; True saves and stops.
        on_log_failure: called with a sentence when a tracker fails; training goes on.
        observer: called for every update, after the display.
        announce: prints the line that names the run's folder, in place of `say`.

    Raises:
        UsageError, InputRefused, MachineLacks: as `prepare_training`.
        CheckFailed: a loss or gradient is no longer finite; the checkpoint before it is kept.
    """
    from lander_trainer import train

    prepared = prepare_training(request, say, announce or say)
    with (
        # Before the trackers write into the folder.
        prepared.run.locked(new=not prepared.resume),
        _open_logs(prepared, on_log_failure) as everything,
        stopping() as stop,
        display() as shown,
    ):
        everything.display = _Several(shown, Overrun(say, prepared.plan.env.max_episode_steps), observer)
        return train(prepared.plan, prepared.run, resume=prepared.resume, observer=everything, stop=stop)


def run_from_python(
    request: TrainRequest | ResumeRequest,
    *,
    progress: bool,
    observer: "TrainObserver | None",
    stop: Callable[[], bool] | None,
) -> "TrainResult":
    """`run_training` for scripts and notebooks: progress on stderr or in the cell, Ctrl-C saves and stops."""
    talk, warn = open_talk(progress)

    def say(text: str) -> None:
        talk(in_python(text))

    return run_training(
        request,
        say=say,
        display=open_display if progress else nullcontext,
        stopping=lambda: stop_on_interrupt(say, stop),
        on_log_failure=warn,
        observer=observer,
    )


class _Several:
    """A `TrainObserver` of several others, the display first."""

    def __init__(self, *observers: "TrainObserver | None") -> None:
        self._observers = [observer for observer in observers if observer is not None]

    def on_start(self, config: "TrainConfig", run: "Path", progress: "Progress") -> None:
        for observer in self._observers:
            observer.on_start(config, run, progress)

    def on_collect(self, done: float, seconds: float) -> None:
        for observer in self._observers:
            tell_collected(observer, done, seconds)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        for observer in self._observers:
            observer.on_update(metrics)

    def on_selection_start(self, episodes: int) -> None:
        for observer in self._observers:
            tell_selection_start(observer, episodes)

    def on_selection(self, score: float, policy: "Policy") -> None:
        for observer in self._observers:
            tell_selected(observer, score, policy)


def _open_logs(prepared: Prepared, on_failure: Callable[[str], None]) -> "FanOut":
    """All trackers of the run; those that are open are closed again if a later one does not start."""
    from lander_trainer.logs import open_log
    from lander_trainer.logs.fan_out import FanOut

    opened: dict[str, RunLog] = {}
    try:
        for name in prepared.log:
            opened[name] = open_log(name, prepared.run.path, prepared.plan.config)
    except BaseException:
        with FanOut(opened, on_failure):
            raise
    return FanOut(opened, on_failure)
