"""What `study.py` searches: the settings with their ranges, and the objectives. Runs nothing.

A file of its own so that both can be checked without a study.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lander_trainer import TrainConfig
from trials import Trial

NEVER = 100_000.0
"""Seconds that count for a run that never reached the threshold, plus its missing points. More than any run
of a study takes, so that such a run never looks better than one that reached it."""

OBJECTIVES: dict[str, tuple[Literal["maximize", "minimize"], str]] = {
    "score": ("maximize", "mean greedy score"),
    "time-to-200": ("minimize", f"mean training seconds to 200, {NEVER:,.0f} + points missing where never"),
    "failures": ("minimize", "mean number of episodes under 200"),
}
"""Objectives by name: the direction, and what the number means."""

# Around the preset, and only settings that keep its speed; ablations.py tries larger changes, one at a time
# (value clipping, no annealing, wider networks and others).
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


def configured(base: TrainConfig, params: dict[str, Any]) -> TrainConfig:
    """`base` with the parameters of a trial, rounded to four digits, which are enough and can be typed."""
    return base.with_values(
        {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in params.items()}
    )


def params_of(config: TrainConfig) -> dict[str, Any]:
    """The settings of `config` as parameters of the search, those outside `SPACE` left out."""
    values = {**config.to_dict(), "hidden_sizes": ",".join(map(str, config.hidden_sizes))}
    return {name: values[name] for name, kind in SPACE.items() if _holds(kind, values[name])}


def value_of(objective: str, trials: Sequence[Trial], threshold: float) -> float:
    """The value of `objective` for one trial's runs, one a training seed."""
    if objective == "score":
        return float(np.mean([trial.mean for trial in trials]))
    if objective == "failures":
        return float(np.mean([trial.failures for trial in trials]))
    return float(np.mean([_seconds(trial, threshold) for trial in trials]))


def suggest(trial: optuna.Trial, name: str, kind: BaseDistribution) -> Any:
    """The value of parameter `name` that `trial` is to try."""
    if isinstance(kind, FloatDistribution):
        return trial.suggest_float(name, kind.low, kind.high, log=kind.log)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high)
    assert isinstance(kind, CategoricalDistribution)
    return trial.suggest_categorical(name, kind.choices)


def is_float(kind: BaseDistribution) -> bool:
    """Whether a parameter is a real number."""
    return isinstance(kind, FloatDistribution)


def _holds(kind: BaseDistribution, value: Any) -> bool:
    if isinstance(kind, CategoricalDistribution):
        return value in kind.choices
    assert isinstance(kind, FloatDistribution | IntDistribution)
    return kind.low <= value <= kind.high


def _seconds(trial: Trial, threshold: float) -> float:
    if trial.seconds_to_200 is not None:
        return trial.seconds_to_200
    return NEVER + threshold - (trial.curve[-1][1] if trial.curve else -threshold)
