"""Trials of a search: objectives, pruning, and processes that share a study."""

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna", reason="needs the extra sweep")

from sqlalchemy.exc import IntegrityError  # noqa: E402

from lander_rl.searching import outcome  # noqa: E402
from lander_rl.searching import study as studies  # noqa: E402
from lander_rl.searching.objectives import NEVER, value_of  # noqa: E402
from lander_rl.searching.space import SearchSpace  # noqa: E402
from lander_rl.searching.study import make_ready, open_study  # noqa: E402
from lander_rl.searching.trials import Running, Trials  # noqa: E402
from lander_rl.several.pool import WorkerPool  # noqa: E402
from lander_rl.several.training_worker import Ended, Failed, Mark, Trained  # noqa: E402
from lander_rl.training.request import TrainRequest  # noqa: E402
from lander_runtime.errors import CheckFailed, UsageError  # noqa: E402
from lander_runtime.workers.remote import WorkerDied  # noqa: E402


def trained(**changed: Any) -> Trained:
    fields: dict[str, Any] = {
        "seed": 101, "steps": 100, "seconds": 1.0, "interrupted": False, "reached_target": False,
        "selection_score": 1.0, "returns": np.array([1.0, 3.0]), "seconds_to_threshold": None,
        "last_mean": None, "files": {}, **changed,
    }  # fmt: skip
    return Trained(**fields)


def test_a_seed_that_never_solves_is_worse_than_any_that_does() -> None:
    solved = trained(seconds_to_threshold=60.0, last_mean=210.0)
    close, far, none = (trained(last_mean=mean) for mean in (190.0, -100.0, None))
    values = [value_of("time", [one], 200.0) for one in (solved, close, far, none)]
    assert values == [60.0, NEVER + 10.0, NEVER + 300.0, NEVER + 400.0]
    assert (
        value_of("score", [trained(returns=np.array([1.0])), trained(returns=np.array([4.0]))], None) == 2.5
    )
    assert value_of("failures", [trained(returns=np.array([199.0, 200.0]))], 200.0) == 1.0


@pytest.mark.parametrize(("objective", "direction"), [("score", "maximize"), ("failures", "minimize")])
def test_the_worse_learner_is_pruned_whatever_the_direction(objective: str, direction: Any) -> None:
    study = optuna.create_study(
        direction=direction, pruner=optuna.pruners.MedianPruner(n_startup_trials=1),
        sampler=optuna.samplers.RandomSampler(seed=0),
    )  # fmt: skip
    trials = scheduler(study, objective=objective)
    first, better, worse = (Running(study.ask(), {}) for _ in range(3))
    trials._compare(first, Mark(25, 50.0))
    study.tell(first.trial, 0.0)
    trials._compare(better, Mark(25, 60.0))
    trials._compare(worse, Mark(25, 40.0))
    assert not better.pruned
    assert worse.pruned


def scheduler(study: Any, **changed: Any) -> Trials:
    fields: dict[str, Any] = {
        "space": SearchSpace(TrainRequest(env="CartPole-v1"), {}), "pool": WorkerPool(lambda: None, 1),  # type: ignore
        "objective": "score", "threshold": 200.0, "wanted": 9, "seeds": 2, "episodes": 2,
        "alone": contextlib.nullcontext, "say": lambda text: None, "show": lambda rows: None, **changed,
    }  # fmt: skip
    return Trials(study, **fields)


def test_a_trial_trains_its_seeds_one_after_another() -> None:
    study = optuna.create_study(direction="maximize")
    trials = scheduler(study)
    first = trials.next_task(0)
    assert first is not None
    assert (first.request.seed, first.first_seed, first.marks) == (101, 950_000, (25, 50, 75))
    assert trials.on_event(0, Ended(trained(returns=np.array([2.0]))))
    second = trials.next_task(0)
    assert second is not None
    assert (second.request.seed, second.marks) == (102, ())
    assert trials.on_event(0, Ended(trained(returns=np.array([4.0]))))
    assert study.best_value == 3.0
    assert study.best_trial.user_attrs["scores"] == [2.0, 4.0]


def test_how_a_trial_can_end_otherwise() -> None:
    study = optuna.create_study(direction="maximize")
    trials = scheduler(study)
    trials.next_task(0)
    assert trials.on_event(0, Failed(CheckFailed("no longer finite")))
    trials.next_task(0)
    assert trials.on_event(0, Ended(trained(interrupted=True)))
    trials.next_task(0)
    trials.on_died(0, WorkerDied("gone"))
    trials.next_task(0)
    with pytest.raises(UsageError, match="too many"):
        trials.on_event(0, Failed(UsageError("too many")))
    trials.give_up()
    assert [one.state.name for one in study.trials] == ["PRUNED", "FAIL", "FAIL", "FAIL"]
    assert study.trials[0].user_attrs["reason"] == "no longer finite"


def test_settings_that_do_not_go_together_end_their_trial_only() -> None:
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"minibatches": 4096})
    kinds = {"minibatches": optuna.distributions.IntDistribution(2, 4096)}
    train = TrainRequest(env="CartPole-v1", settings={"lanes": 4, "rollout_steps": 16})
    trials = scheduler(study, space=SearchSpace(train, kinds))
    study.enqueue_trial({"minibatches": 2})
    assert trials.next_task(0) is not None
    assert [one.state.name for one in study.trials] == ["PRUNED", "RUNNING"]


def test_trials_of_the_dead_are_repeated_and_others_left_alone() -> None:
    study = optuna.create_study()
    make_ready(study, {"x": 0.5})
    dead, here, silent, elsewhere = (study.ask() for _ in range(4))
    for trial, process, age in (
        (dead, f"{socket.gethostname()}:{2**22 + 1}", 0.0),
        (here, f"{socket.gethostname()}:{os.getppid()}", 0.0),
        (silent, "another:1", studies.SILENT + 60.0),
        (elsewhere, "another:1", 0.0),
    ):
        trial.suggest_float("x", 0.0, 1.0)
        trial.set_user_attr("process", process)
        trial.set_user_attr("alive", time.time() - age)
    make_ready(study, {})
    make_ready(study, {})
    states = [one.state.name for one in study.trials]
    assert states == ["FAIL", "RUNNING", "FAIL", "RUNNING", "WAITING", "WAITING"]
    assert study.trials[4].system_attrs["fixed_params"] == {"x": 0.5}


def test_a_trial_draws_by_its_number_whichever_process_takes_it(tmp_path: Path) -> None:
    kinds = {"learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2)}
    space = SearchSpace(TrainRequest(env="CartPole-v1"), kinds)

    def drawn(name: str, processes: int) -> list[Any]:
        with contextlib.ExitStack() as stack:
            # Each opened before the first trial is taken, as by processes that start together.
            opened = [
                stack.enter_context(open_study(str(tmp_path / name), "maximize")) for _ in range(processes)
            ]
            return [space.suggest(opened[trial % processes].ask()) for trial in range(6)]

    alone, together = drawn("one", 1), drawn("two", 2)
    assert alone == together
    assert len({one["learning_rate"] for one in alone}) == 6


def test_a_database_whose_tables_another_process_makes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter([IntegrityError("insert", None, Exception("UNIQUE constraint failed"))])
    opened = studies._opened

    def raced(storage: str) -> Any:
        for error in made:
            raise error
        return opened(storage)

    monkeypatch.setattr(studies, "_opened", raced)
    monkeypatch.setattr(studies, "_PAUSES", (0.0,))
    with open_study(f"sqlite:///{tmp_path}/study.db", "maximize") as study:
        assert study.trials == []
    assert next(made, None) is None


def test_what_two_processes_queue_twice_is_trained_once() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction="maximize")
    kinds = {"learning_rate": optuna.distributions.FloatDistribution(1e-3, 1e-2)}
    space = SearchSpace(TrainRequest(env="CartPole-v1"), kinds)
    for _ in range(2):
        study.enqueue_trial({"learning_rate": 0.002})
    first, second = (scheduler(study, space=space, wanted=2) for _ in range(2))
    assert first.next_task(0) is not None
    assert second.next_task(0) is not None
    assert [(one.state.name, bool(one.params)) for one in study.trials] == [
        ("RUNNING", True), ("FAIL", False), ("RUNNING", True),
    ]  # fmt: skip
    # The last trial that is wanted was taken between the count and the question.
    first._ask(1)
    assert study.trials[3].state.name == "FAIL"


def test_trials_of_other_processes_are_counted_at_the_end() -> None:
    study = optuna.create_study()
    here, dead = (study.ask() for _ in range(2))
    for trial, process in ((here, os.getppid()), (dead, 2**22 + 1)):
        trial.suggest_float("x", 0.0, 1.0)
        trial.set_user_attr("process", f"{socket.gethostname()}:{process}")
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    counts = outcome._counts(study)
    assert counts == {"pruned": 0, "cut_short": 1, "running": 1}
