"""Search for good settings with Optuna; it can be interrupted and continued.

    python benchmarks/study.py --steps 500_000 --trials 60 --seeds 2 --jobs 2 [--storage study.log]

Every trial trains with seeds 101, 102, ... and is scored greedily on the training side's episodes
(950,000 on), so neither the training seeds that `seeds.py` reports nor the scoring episodes ever guide
the search. The preset as it is comes first; trials whose first seed learns less than the median of those
before are cut short. One study.py at a time may work on a storage file; the same command continues it.
"""

import argparse
import multiprocessing
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from lander_runtime import envs
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.seeds import FIRST_SEARCH_SEED
from lander_trainer import TrainConfig, UpdateMetrics, preset, training_command
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

NEVER = 100_000.0
"""Seconds that stand for a threshold that was never reached, before the points missing are added; more than
any run of a study takes, so that such a seed never looks better than one that got there."""

OBJECTIVES: dict[str, tuple[Literal["maximize", "minimize"], str]] = {
    "score": ("maximize", "mean greedy score"),
    "time-to-200": ("minimize", f"mean training seconds to 200, {NEVER:,.0f} + points missing where never"),
    "failures": ("minimize", "mean number of episodes under 200"),
}
"""What is searched for: its direction, and what the number is."""

# Around the preset, and only what can be had at its speed; ablations.py looks further out, one change
# at a time (value clipping, no annealing, wider networks and others).
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-3, 6e-3, log=True),
    "entropy_coef": FloatDistribution(1e-3, 2e-2, log=True),
    "gamma": CategoricalDistribution([0.995, 0.998, 0.999]),
    "gae_lambda": FloatDistribution(0.94, 0.99),
    "clip_range": FloatDistribution(0.1, 0.3),
    "epochs": IntDistribution(3, 6),
    "minibatches": CategoricalDistribution([8, 16, 32]),
    "lanes": CategoricalDistribution([32, 64]),
    "rollout_steps": CategoricalDistribution([32, 64, 128]),
    "reward_scale": FloatDistribution(0.02, 0.1, log=True),
    "max_grad_norm": FloatDistribution(0.3, 2.0),
    "value_coef": FloatDistribution(0.25, 1.0),
}

PRUNE_AT = (25, 50, 75)
"""Percent of the first seed's run after which its training mean is compared with the other trials'."""


def main() -> int:
    """Search and print."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    base = preset(ENV, options.preset).with_values({"steps": options.steps})
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
            # Ctrl-C reached the workers too; they note their trial as failed, to be repeated next time.
            for worker in workers:
                worker.join()
            _report(study, base, options)
            raise
    _report(study, base, options)
    return 1 if any(worker.exitcode for worker in workers) else 0


def configured(base: TrainConfig, params: dict[str, Any]) -> TrainConfig:
    """`base` with what a trial suggests. Four digits say as much as sixteen and can be typed."""
    return base.with_values(
        {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in params.items()}
    )


def params_of(config: TrainConfig) -> dict[str, Any]:
    """The settings of `config` as parameters of the search, those outside `SPACE` left out."""
    values = {**config.to_dict(), "hidden_sizes": ",".join(map(str, config.hidden_sizes))}
    return {name: values[name] for name, kind in SPACE.items() if _holds(kind, values[name])}


def value_of(objective: str, trials: Sequence[Trial], threshold: float) -> float:
    """The number that `objective` means for one trial's runs, one a training seed."""
    if objective == "score":
        return float(np.mean([trial.mean for trial in trials]))
    if objective == "failures":
        return float(np.mean([trial.failures for trial in trials]))
    return float(np.mean([_seconds(trial, threshold) for trial in trials]))


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
    """Note what is searched, or refuse to mix it with another search in the same file."""
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
    """Enqueue the preset, and once more the trials that an interruption cut short."""
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
    """One worker process: take trials until there are enough."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = _storage(options.storage)
    base = preset(ENV, options.preset).with_values({"steps": options.steps})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        done = len(optuna.load_study(study_name="lander", storage=storage).trials)
        # Another seed for each worker and each continuation, or they would draw the same random starts.
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
    params = {name: _suggest(trial, name, kind) for name, kind in SPACE.items()}
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
    """Reports the training mean at the shares `PRUNE_AT`; raises TrialPruned where others were better.

    The mean has the sign of the study's direction, since the pruner takes the larger or the smaller
    value for the better one as the direction says.
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


def _suggest(trial: optuna.Trial, name: str, kind: BaseDistribution) -> Any:
    if isinstance(kind, FloatDistribution):
        return trial.suggest_float(name, kind.low, kind.high, log=kind.log)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high)
    assert isinstance(kind, CategoricalDistribution)
    return trial.suggest_categorical(name, kind.choices)


def _holds(kind: BaseDistribution, value: Any) -> bool:
    if isinstance(kind, CategoricalDistribution):
        return value in kind.choices
    assert isinstance(kind, FloatDistribution | IntDistribution)
    return kind.low <= value <= kind.high


def _seconds(trial: Trial, threshold: float) -> float:
    if trial.seconds_to_200 is not None:
        return trial.seconds_to_200
    return NEVER + threshold - (trial.curve[-1][1] if trial.curve else -threshold)


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
    """Ten best, importances and the best one's command, on stdout."""
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
            f"{trial.params[name]:.4g}" if _is_float(kind) else str(trial.params[name])
            for name, kind in SPACE.items()
        ),
    ]


def _is_float(kind: BaseDistribution) -> bool:
    return isinstance(kind, FloatDistribution)


if __name__ == "__main__":
    run_script(main)
