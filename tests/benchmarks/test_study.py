import dataclasses
from collections.abc import Callable

import pytest

optuna = pytest.importorskip("optuna", reason="needs the extra bench")

from lander_trainer import UpdateMetrics, preset  # noqa: E402
from study import _make_ready, _pruning  # noqa: E402
from study_space import NEVER, configured, params_of, value_of  # noqa: E402
from trials import Trial  # noqa: E402

BASE = preset("LunarLander-v3")


def metrics(update: int, mean_return: float) -> UpdateMetrics:
    rest = {field.name: 0 for field in dataclasses.fields(UpdateMetrics)}
    return UpdateMetrics(**{**rest, "update": update, "mean_return": mean_return})


def test_the_preset_is_in_the_search_space_and_comes_back_unchanged() -> None:
    assert configured(BASE, params_of(BASE)) == BASE


def test_suggestions_are_rounded_to_what_is_trained() -> None:
    assert configured(BASE, {"learning_rate": 0.00123456789}).learning_rate == 0.001235


def test_a_seed_that_never_solves_is_worse_than_any_that_does(trial: Callable[..., Trial]) -> None:
    solved, close, far = (
        trial(1, last, seconds_to_200=seconds, failures=3, curve=((1000, last),))
        for seconds, last in ((60.0, 210.0), (None, 190.0), (None, -100.0))
    )
    values = [value_of("time-to-200", [one], 200.0) for one in (solved, close, far)]
    assert values == [60.0, NEVER + 10.0, NEVER + 300.0]
    assert value_of("score", [close, far], 200.0) == 45.0
    assert value_of("failures", [solved, far], 200.0) == 3.0


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_the_worse_learner_is_pruned_whatever_the_direction(direction, sign) -> None:
    study = optuna.create_study(
        direction=direction,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1),
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    quarter = -(-BASE.updates // 4)
    first = study.ask()
    _pruning(first, BASE, sign)(metrics(quarter, 50.0))
    study.tell(first, 0.0)
    _pruning(study.ask(), BASE, sign)(metrics(quarter, 60.0))
    with pytest.raises(optuna.TrialPruned):
        _pruning(study.ask(), BASE, sign)(metrics(quarter, 40.0))


def test_an_interrupted_trial_is_repeated() -> None:
    study = optuna.create_study()
    _make_ready(study, BASE)
    cut = study.ask()
    cut.suggest_float("learning_rate", 5e-4, 6e-3, log=True)
    _make_ready(study, BASE)
    _make_ready(study, BASE)
    states = [one.state.name for one in study.trials]
    assert states == ["FAIL", "WAITING"]
    assert study.trials[1].system_attrs["fixed_params"] == {"learning_rate": BASE.learning_rate}
