"""The training loop: update, report, save, draw, stop. Public entry: `train`."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from lander_runtime.errors import EnvironmentFailed
from lander_trainer.config import TrainConfig
from lander_trainer.observer import (
    FirstRollout,
    TrainObserver,
    TrainResult,
    tell_selected,
    tell_selection_start,
)
from lander_trainer.plan import TrainingPlan, plan_training
from lander_trainer.plots.curve import draw_learning_curve
from lander_trainer.runs.checkpoint import Checkpoint
from lander_trainer.runs.pace import SavePace
from lander_trainer.runs.run_directory import RunDirectory
from lander_trainer.selection import is_best, reaches
from lander_trainer.threads import cpu_threads
from lander_trainer.trainer import Trainer


def train(
    config: TrainConfig | TrainingPlan,
    run: RunDirectory,
    *,
    resume: bool = False,
    observer: TrainObserver | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainResult:
    """Train a policy and write everything about it into `run`.

    Args:
        config: the settings, or a plan that `plan_training` has made of them. With `resume` they must be
            those of the run, except for `resume.FREE_ON_RESUME`.
        run: where to write; an existing run with `resume`, an empty folder without.
        resume: continue from the run's checkpoint instead of starting a new run.
        observer: is called at the start and after every update.
        stop: called after every update; True saves and ends the run.

    Raises:
        UsageError: the environment or a setting does not fit.
        MachineLacks: the backend or device is missing.
        InputRefused: the checkpoint to continue from is damaged or is of other spaces, or another process
            writes the run.
        CheckFailed: a loss or gradient is no longer finite; the checkpoint before it is kept.
        EnvironmentFailed: the environment's own code raised, or returned what it does not promise.
    """
    plan = plan_training(config) if isinstance(config, TrainConfig) else config
    with (
        run.locked(new=not resume),
        cpu_threads(plan.config.threads),
        _saying_what_is_kept(run),
        ExitStack() as closing,
    ):
        trainer = Trainer(plan, run, Checkpoint.load(run.checkpoint) if resume else None, closing)
        return _train_to_end(trainer, observer, stop)


def _train_to_end(trainer: Trainer, observer: TrainObserver | None, stop: Callable[[], bool]) -> TrainResult:
    config, run = trainer.config, trainer.run
    # A finished run that is resumed keeps its settings, versions and time: nothing is trained with others.
    finished = trainer.done >= 1.0
    if not finished:
        run.write_config(config)
    run.drop_metrics_after(trainer.progress.updates)
    if observer is not None:
        observer.on_start(config, run.path, trainer.progress)
    pace = SavePace(config.checkpoint_seconds, time.perf_counter)
    drawn = time.perf_counter()
    interrupted = reached = False
    first = None if observer is None else FirstRollout(observer, config.rollout_steps)

    def on_selection_start(episodes: int) -> None:
        if observer is not None:
            tell_selection_start(observer, episodes)

    while trainer.done < 1.0 and not (interrupted or reached):
        best_before = trainer.progress.best_score
        metrics, first = trainer.one_update(first, on_selection_start), None
        # Before any checkpoint that contains this update, so that a killed run never misses a row.
        run.append_metrics(metrics.to_json())
        if is_best(metrics.selection_score, best_before):
            trainer.save(run.best)
        # After `best` too, so that a run resumed from the checkpoint knows its score.
        if pace.is_due or is_best(metrics.selection_score, best_before):
            with pace.saving():
                trainer.save(run.checkpoint)
        if observer is not None:
            observer.on_update(metrics)
            if metrics.selection_score is not None:
                tell_selected(observer, metrics.selection_score, trainer.greedy)
        reached = reaches(metrics.selection_score, config.target_score)
        interrupted = stop() and trainer.done < 1.0
        if time.perf_counter() - drawn > config.checkpoint_seconds:
            _draw_curve(trainer)
            drawn = time.perf_counter()
    if not finished:
        trainer.save(run.checkpoint)
    _draw_curve(trainer)
    return TrainResult(run.path, trainer.progress, interrupted, reached)


def _draw_curve(trainer: Trainer) -> None:
    draw_learning_curve(
        trainer.run.read_metrics(),
        trainer.run.curve,
        title=f"{trainer.env.id}, seed {trainer.config.seed}",
        reward_threshold=trainer.env.reward_threshold,
        shaped=bool(trainer.config.shaping),
    )


@contextmanager
def _saying_what_is_kept(run: RunDirectory) -> Iterator[None]:
    """An error of the environment inside also says what of the run there is."""
    try:
        yield
    except EnvironmentFailed as error:
        raise EnvironmentFailed(f"{error} {run.kept}".strip()) from error
