"""One training inside a worker. It runs in a thread, and the owner of the worker asks how it goes.

So a training can be watched and stopped from outside, and the same class serves in this process, in another
one and as an actor of Ray.
"""

import contextlib
import math
import queue
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lander_rl.several.going_on import finished
from lander_rl.training.request import ResumeRequest, TrainRequest
from lander_rl.training.session import run_training
from lander_runtime.errors import LanderError
from lander_trainer.observer import TrainObserver

if TYPE_CHECKING:
    from lander_trainer import Progress, TrainConfig, TrainResult, UpdateMetrics


@dataclass(frozen=True, kw_only=True)
class Task:
    """A training, and the episodes that its best weights are scored on."""

    request: TrainRequest
    """Its `seed` is a number; where `out` is None the run's folder is deleted at the end."""
    episodes: int
    first_seed: int
    """Of the first scored episode."""
    marks: tuple[int, ...] = ()
    """Percents of the run at which `Mark` is told, in order."""
    resume: ResumeRequest | None = None
    """More of the run in `out`, which `request` began before; None for a new run. A run that is done is only
    scored."""
    files: bool = False
    """Send the run's files back, because the worker may be on another machine."""


@dataclass(frozen=True)
class Trained:
    """How a training ended."""

    seed: int
    steps: int
    seconds: float
    """Training time, selections included."""
    interrupted: bool
    reached_target: bool
    selection_score: float | None
    """The best mean greedy return of a selection."""
    returns: NDArray[np.float64]
    """`[episodes]`, greedy, of the best weights, in the order of the episodes' seeds; empty after a stop."""
    seconds_to_threshold: float | None
    """Until the training mean reached the environment's reward threshold; None where it never did."""
    last_mean: float | None
    """The training mean at the end."""
    files: dict[str, bytes]
    """The run's files by name, where they were asked for."""


class Status(NamedTuple):
    """How far a training is."""

    done: float
    """Share, in [0, 1]."""
    steps: int
    mean_return: float | None
    best_score: float | None


class Note(NamedTuple):
    """A sentence for the user."""

    text: str


class Mark(NamedTuple):
    """The training mean at a percent of the run; None where no episode has ended."""

    percent: int
    mean_return: float | None


class Ended(NamedTuple):
    """The training has ended as it should, or was stopped."""

    result: Trained


class Failed(NamedTuple):
    """The training has ended with an error."""

    error: Exception


Event = Note | Mark | Ended | Failed


class TrainingWorker:
    """Trains one run after another."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._status = Status(0.0, 0, None, None)

    def begin(self, task: Task) -> None:
        """Start a training; the one before must have ended."""
        self._stop.clear()
        self._status = Status(0.0, 0, None, None)
        # A daemon, so that a worker whose owner has gone can end.
        threading.Thread(target=self._work, args=(task,), daemon=True).start()

    def tell(self, wait: float, stop: bool) -> tuple[Status, list[Event]]:
        """How far the training is, and what has happened since the last call.

        Args:
            wait: the longest time to wait for something to happen, in seconds.
            stop: save and end the training after its current update.
        """
        if stop:
            self._stop.set()
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            events.append(self._events.get(timeout=wait))
            while True:
                events.append(self._events.get_nowait())
        return self._status, events

    def _work(self, task: Task) -> None:
        try:
            with _folder_of(task) as folder:
                self._events.put(Ended(self._trained(task, folder)))
        except (LanderError, OSError, MemoryError) as error:
            # A full disk or memory is no fault of the program.
            self._events.put(Failed(error))
        except Exception:
            self._events.put(Failed(RuntimeError("Something failed in a worker.\n" + traceback.format_exc())))

    def _trained(self, task: Task, folder: Path) -> Trained:
        watch = _Watch(self, task.marks)
        result = None if task.resume is None else finished(folder)
        if result is None:
            result = self._run(task, folder, watch)
        returns = np.empty(0) if result.interrupted else score(folder, task.episodes, task.first_seed)
        return watch.summary(task, result, returns, _read(folder) if task.files else {})

    def _run(self, task: Task, folder: Path, watch: "_Watch") -> "TrainResult":
        return run_training(
            task.resume or replace(task.request, out=folder),
            say=self._note,
            display=contextlib.nullcontext,
            stopping=lambda: contextlib.nullcontext(self._stop.is_set),
            on_log_failure=self._note,
            observer=watch,
            # The owner of the worker knows the folder, and names it or not.
            announce=lambda text: None,
        )

    def _note(self, text: str) -> None:
        self._events.put(Note(text))


def score(folder: Path, episodes: int, first_seed: int) -> NDArray[np.float64]:
    """Returns `[episodes]` of the best weights of the run in `folder`, greedy, in Gymnasium's environment."""
    from lander_export import as_function, load_source
    from lander_rl.exporting.source import find_checkpoint
    from lander_runtime.evaluation.evaluate import evaluate
    from lander_trainer.threads import cpu_threads

    source = load_source(find_checkpoint(folder))
    with cpu_threads(1):
        report = evaluate(as_function(source.graph), source.env, episodes=episodes, first_seed=first_seed)
    return report.results.returns


class _Watch(TrainObserver):
    """Follows a training for its worker."""

    def __init__(self, worker: TrainingWorker, marks: tuple[int, ...]) -> None:
        self._worker = worker
        self._marks = list(marks)
        self._threshold = math.inf
        self._solved: float | None = None
        self._last: UpdateMetrics | None = None

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        from lander_trainer.plan import resolved

        threshold = resolved(config).reward_threshold
        self._threshold = math.inf if threshold is None else threshold

    def on_update(self, metrics: "UpdateMetrics") -> None:
        mean, self._last = metrics.mean_return, metrics
        # A lucky first mean is not the mean of a hundred episodes.
        reached = mean is not None and mean >= self._threshold and metrics.episodes >= 100
        if self._solved is None and reached:
            self._solved = metrics.seconds
        self._worker._status = Status(metrics.done, metrics.steps, mean, metrics.best_score)
        while self._marks and 100 * metrics.done >= self._marks[0]:
            self._worker._events.put(Mark(self._marks.pop(0), mean))

    def summary(
        self, task: Task, result: "TrainResult", returns: NDArray[Any], files: dict[str, bytes]
    ) -> Trained:
        progress = result.progress
        assert task.request.seed is not None
        return Trained(
            seed=task.request.seed,
            steps=progress.steps,
            seconds=progress.seconds,
            interrupted=result.interrupted,
            reached_target=result.reached_target,
            selection_score=progress.best_score,
            returns=returns,
            seconds_to_threshold=self._solved,
            last_mean=None if self._last is None else self._last.mean_return,
            files=files,
        )


@contextlib.contextmanager
def _folder_of(task: Task) -> Iterator[Path]:
    if task.request.out is not None and not task.files:
        yield task.request.out
        return
    with tempfile.TemporaryDirectory(prefix="lander-") as folder:
        yield Path(folder) / "run"


def _read(folder: Path) -> dict[str, bytes]:
    """The files of a run, but for what only its process needs."""
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.startswith(".")
    }
