"""Search for good settings with Optuna; it can be interrupted and continued.

    python benchmarks/study.py --steps 500_000 --trials 60 --seeds 2 --jobs 2 [--storage study.log]

Every trial trains with seeds 101, 102, ... and is scored greedily on the search episodes (seeds from
950,000 on). So neither the training seeds that `seeds.py` reports nor the evaluation episodes guide
the search. The unchanged preset is the first trial. Trials whose first seed learns less than the median of
earlier trials stop early. One study.py at a time may work on a storage file; the same command continues it.
"""

import argparse
import multiprocessing
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from lander_runtime import envs
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.seeds import FIRST_SEARCH_SEED
from lander_trainer import TrainConfig, UpdateMetrics, preset, training_command
from study_space import OBJECTIVES, SPACE, configured, is_float, params_of, suggest, value_of
from trials import (
    ENV,
    SEARCH_EPISODES,
    Trial,
    markdown,
    one_thread_each,
    run_script,
    run_trial,
)

FIRST_TRAINING_SEED = 101
"""`seeds.py` reports 1 to 100."""

SAMPLER_SEED = 1

PRUNE_AT = (25, 50, 75)
"""Percent of the first seed's run after which its training mean is compared with the other trials'."""


def main() -> int:
    """Search and print."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    base = preset(ENV, options.preset, options.backend).with_values({"steps": options.steps})
    storage = _storage(options.storage)
    study = optuna.create_study(
        study_name="lander",
        storage=storage,
        direction=OBJECTIVES[options.objective][0],
        load_if_exists=True,
    )
    _check_same(study, options, base)
    _make_ready(study, base)
    with one_thread_each():
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=_work, args=(options, index)) for index in range(options.jobs)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            # Ctrl-C reached the workers too; they mark their trial as failed, and it is repeated next time.
            for worker in workers:
                worker.join()
            _report(study, base, options)
            raise
    _report(study, base, options)
    return 1 if any(worker.exitcode for worker in workers) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000, help="of each run")
    parser.add_argument("--trials", type=int, default=60, help="in all, those of earlier calls included")
    parser.add_argument("--seeds", type=int, default=2, help="training seeds of each trial")
    parser.add_argument("--episodes", type=int, default=100, help="scored for each seed")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--storage", type=Path, default=Path("study.log"))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--backend", default="native", help="whose settings of the preset hold")
    parser.add_argument("--objective", choices=OBJECTIVES, default="score")
    options = parser.parse_args()
    if min(options.trials, options.seeds, options.episodes, options.jobs) < 1:
        parser.error("--trials, --seeds, --episodes and --jobs must be at least 1.")
    if options.episodes > SEARCH_EPISODES:
        parser.error(f"--episodes must be at most {SEARCH_EPISODES}: the export gate's begin after them.")
    return options


def _storage(path: Path) -> JournalStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # It calls itself experimental.
        warnings.simplefilter("ignore")
        return JournalStorage(JournalFileBackend(str(path)))


def _check_same(study: optuna.Study, options: argparse.Namespace, base: TrainConfig) -> None:
    """Store the settings of the search in the study.

    Raises:
        UsageError: the file holds a study with other settings.
    """
    wanted = {
        "objective": options.objective,
        "seeds": options.seeds,
        "episodes": options.episodes,
        **base.to_dict(),
    }
    for name, value in wanted.items():
        found = study.user_attrs.get(name, value)
        if found != value:
            raise UsageError(
                f"{options.storage} holds a study with {name} {found}, not {value}. "
                "Choose another --storage, or give the arguments that it was started with."
            )
        if name not in study.user_attrs:
            study.set_user_attr(name, value)


def _make_ready(study: optuna.Study, base: TrainConfig) -> None:
    """Enqueue the preset, or in a study that continues, the trials that an interruption cut short."""
    if not study.trials:
        params = params_of(base)
        left_out = [name for name in SPACE if name not in params]
        if left_out:
            print(f"The preset's {', '.join(left_out)} is outside the search space; sampled instead.")
        study.enqueue_trial(params)
        return
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    kept = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.WAITING)
    known = [
        trial.params or trial.system_attrs.get("fixed_params") for trial in study.get_trials(states=kept)
    ]
    for trial in study.get_trials(states=(TrialState.FAIL,)):
        if trial.params and trial.params not in known:
            study.enqueue_trial(trial.params)
            known.append(trial.params)


def _work(options: argparse.Namespace, index: int) -> None:
    """One worker process: runs trials until there are enough."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = _storage(options.storage)
    base = preset(ENV, options.preset, options.backend).with_values({"steps": options.steps})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        done = len(optuna.load_study(study_name="lander", storage=storage).trials)
        # Another seed for each worker and each continuation, so that they do not draw the same first trials.
        sampler = optuna.samplers.TPESampler(
            seed=SAMPLER_SEED + 1000 * index + done, multivariate=True, constant_liar=True
        )
    study = optuna.load_study(
        study_name="lander",
        storage=storage,
        sampler=sampler,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=8, n_min_trials=4),
    )
    finished = (TrialState.COMPLETE, TrialState.PRUNED)
    taken = (*finished, TrialState.RUNNING)
    try:
        while len(study.get_trials(deepcopy=False, states=taken)) < options.trials:
            study.optimize(
                lambda trial: _objective(trial, base, options), n_trials=1, callbacks=[_announce(options)]
            )
    except KeyboardInterrupt:
        sys.exit(130)


def _objective(trial: optuna.Trial, base: TrainConfig, options: argparse.Namespace) -> float:
    params = {name: suggest(trial, name, kind) for name, kind in SPACE.items()}
    config = configured(base, params)
    maximise = OBJECTIVES[options.objective][0] == "maximize"
    trials: list[Trial] = []
    for number in range(options.seeds):
        watch = _pruning(trial, config, 1.0 if maximise else -1.0) if number == 0 else _ignore
        seeded = config.with_values({"seed": FIRST_TRAINING_SEED + number})
        try:
            trials.append(run_trial(seeded, options.episodes, FIRST_SEARCH_SEED, watch))
        except CheckFailed as stopped:
            raise optuna.TrialPruned(str(stopped)) from stopped
    trial.set_user_attr("scores", [round(one.mean, 2) for one in trials])
    trial.set_user_attr("lowest", min(one.min for one in trials))
    trial.set_user_attr("success", float(np.mean([one.success_rate for one in trials])))
    trial.set_user_attr("seconds_to_200", [one.seconds_to_200 for one in trials])
    trial.set_user_attr("seconds", float(np.mean([one.seconds for one in trials])))
    return value_of(options.objective, trials, envs.resolve(base.env).reward_threshold or 0.0)


def _ignore(metrics: UpdateMetrics) -> None:
    pass


def _pruning(trial: optuna.Trial, config: TrainConfig, sign: float) -> Callable[[UpdateMetrics], None]:
    """A function that reports the training mean at `PRUNE_AT`, and raises TrialPruned if others were better.

    The mean is multiplied by `sign`, that of the study's direction, because in a study that minimises, the
    pruner takes smaller values for better ones.
    """
    waiting = list(PRUNE_AT)

    def watch(metrics: UpdateMetrics) -> None:
        if waiting and 100 * metrics.update >= waiting[0] * config.updates:
            if metrics.mean_return is not None:
                trial.report(sign * metrics.mean_return, waiting[0])
            waiting.pop(0)
            if trial.should_prune():
                raise optuna.TrialPruned

    return watch


def _announce(options: argparse.Namespace) -> Callable[[optuna.Study, FrozenTrial], None]:
    def announce(study: optuna.Study, trial: FrozenTrial) -> None:
        result = f"{trial.value:,.1f}" if trial.value is not None else trial.state.name.lower()
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        best = f"{study.best_value:,.1f}" if completed else "none yet"
        took = f"{trial.duration.total_seconds():.0f} s" if trial.duration else "?"
        print(
            f"trial {trial.number} of {options.trials}: {result} in {took}, best {best}",
            file=sys.stderr,
            flush=True,
        )

    return announce


def _report(study: optuna.Study, base: TrainConfig, options: argparse.Namespace) -> None:
    """Print the ten best trials, the importance of each setting, and the best trial's command."""
    direction, meaning = OBJECTIVES[options.objective]
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    print(f"{len(completed)} trials completed, {len(pruned)} pruned; objective: {meaning} ({direction})\n")
    if not completed:
        return
    ranked = sorted(completed, key=lambda trial: trial.value or 0.0, reverse=direction == "maximize")
    print(markdown(_COLUMNS, [_row(trial, params_of(base)) for trial in ranked[:10]]))
    if len(completed) >= 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            importances = optuna.importance.get_param_importances(study)
        rows = [[name, f"{share:.1%}"] for name, share in importances.items()]
        print(f"\n{markdown(('setting', 'importance'), rows)}")
    print(f"\n{training_command(configured(base, ranked[0].params))}")


_COLUMNS = ("trial", "objective", "score a seed", "lowest", "success", "time to 200", "time", *SPACE)


def _row(trial: FrozenTrial, start: dict[str, Any]) -> list[str]:
    attributes = trial.user_attrs
    is_preset = all(trial.params[name] == value for name, value in start.items())
    solved = ["never" if time is None else f"{time:.0f} s" for time in attributes["seconds_to_200"]]
    return [
        f"{trial.number}{' (preset)' if is_preset else ''}",
        f"{trial.value:,.1f}",
        ", ".join(f"{score:.1f}" for score in attributes["scores"]),
        f"{attributes['lowest']:.1f}",
        f"{attributes['success']:.1%}",
        ", ".join(solved),
        f"{attributes['seconds']:.0f} s",
        *(
            f"{trial.params[name]:.4g}" if is_float(kind) else str(trial.params[name])
            for name, kind in SPACE.items()
        ),
    ]


if __name__ == "__main__":
    run_script(main)
