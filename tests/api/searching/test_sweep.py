"""A sweep: its file, objectives, pruning, a study that is continued, and the whole of it."""

import contextlib
import dataclasses
import os
import socket
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna", reason="needs the extra sweep")

from sqlalchemy.exc import IntegrityError  # noqa: E402

import lander_rl  # noqa: E402
from lander_rl.searching import outcome, sameness  # noqa: E402
from lander_rl.searching import study as studies  # noqa: E402
from lander_rl.searching.objectives import NEVER, value_of  # noqa: E402
from lander_rl.searching.space import SearchSpace  # noqa: E402
from lander_rl.searching.study import make_ready, open_study  # noqa: E402
from lander_rl.searching.trials import Running, Trials  # noqa: E402
from lander_rl.several.pool import WorkerPool  # noqa: E402
from lander_rl.several.training_worker import Ended, Failed, Mark, Trained  # noqa: E402
from lander_rl.training.request import TrainRequest  # noqa: E402
from lander_runtime.errors import CheckFailed, InputRefused, MachineLacks, UsageError  # noqa: E402
from lander_runtime.locks import try_lock  # noqa: E402
from lander_runtime.workers.remote import WorkerDied  # noqa: E402
from lander_trainer import TrainConfig, preset  # noqa: E402

SPACE = """
env = "CartPole-v1"
steps = 64
backend = "gymnasium"
device = "cpu"

[settings]
lanes = 4
rollout_steps = 16
minibatches = 2
selection_episodes = 2
selections = 1

[space]
learning_rate = { low = 1e-3, high = 6e-3, log = true }
epochs = { low = 1, high = 3 }
hidden_sizes = [[8], [8, 8]]
"""


def trained(**changed: Any) -> Trained:
    fields: dict[str, Any] = {
        "seed": 101, "steps": 100, "seconds": 1.0, "interrupted": False, "reached_target": False,
        "selection_score": 1.0, "returns": np.array([1.0, 3.0]), "seconds_to_threshold": None,
        "last_mean": None, "files": {}, **changed,
    }  # fmt: skip
    return Trained(**fields)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    return path


def test_a_file_becomes_ranges_and_a_request(file: Path) -> None:
    space = SearchSpace.read(file)
    assert space.train.env == "CartPole-v1"
    assert space.kinds["learning_rate"] == optuna.distributions.FloatDistribution(1e-3, 6e-3, log=True)
    assert space.kinds["epochs"] == optuna.distributions.IntDistribution(1, 3)
    request = space.request({"learning_rate": 0.00123456789, "hidden_sizes": "8,8"})
    assert request.settings["learning_rate"] == 0.001235
    assert preset("CartPole-v1").with_values(request.settings).hidden_sizes == (8, 8)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("env =", "enw =", "Did you mean 'env'?"),
        ('env = "CartPole-v1"', "env = 3", "expected text as env, found '3'"),
        ("epochs", "epoch", "Did you mean 'epochs'?"),
        ("learning_rate", "ent_coef", "entropy_coef"),
        ("low = 1, high", "low = 5, high", "the range of epochs is none"),
        ("low = 1, high", "from = 1, high", "expected epochs = { low"),
        ("[[8], [8, 8]]", "[[]]", "hidden_sizes"),
        ("epochs =", "seed =", "seed cannot be searched"),
        ("[space]", "[spaces]", "Did you mean 'space'?"),
        ("log = true", "log = 1", "expected log = true or false, found '1'"),
        ("selections = 1", "epochs = 2", "'epochs' is both fixed and searched"),
    ],
)
def test_what_the_file_cannot_mean_is_refused(file: Path, old: str, new: str, named: str) -> None:
    file.write_text(SPACE.replace(old, new))
    with pytest.raises(UsageError) as refused:
        SearchSpace.read(file)
    assert named in str(refused.value)


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        SearchSpace.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("env = ")
    with pytest.raises(InputRefused, match="TOML"):
        SearchSpace.read(tmp_path / "bad.toml")
    for text, named in (("a = " + 10_000 * "[", "no readable TOML"), ("#" * 20_000, "at most 16,384 bytes")):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(InputRefused, match=named):
            SearchSpace.read(tmp_path / "bad.toml")


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


def test_the_words_for_each_setting_that_differs() -> None:
    def of(values: dict[str, Any], **kinds: Any) -> dict[str, Any]:
        space = SearchSpace(TrainRequest(env="CartPole-v1"), kinds)
        return {"seeds": 2, "epochs": 4, "gamma": 0.99, "steps": 64, **values, "space": space.to_json()}

    integer, real, choice = (
        optuna.distributions.IntDistribution, optuna.distributions.FloatDistribution,
        optuna.distributions.CategoricalDistribution,
    )  # fmt: skip
    before = of({}, epochs=integer(3, 6), learning_rate=real(1e-3, 6e-3), lanes=integer(4, 16, step=4))
    now = of(
        {"steps": 128, "epochs": 5}, epochs=integer(2, 6), learning_rate=real(1e-3, 6e-3, log=True),
        lanes=integer(4, 16), gamma=choice([0.9, 0.99]),
    )  # fmt: skip
    assert sameness.differences(before, now) == [
        "epochs was 3 to 6, now 2 to 6",
        "gamma was 0.99, now 0.9 or 0.99",
        "steps was 64, now 128",
        "lanes was 4 to 16 in steps of 4, now 4 to 16",
        "learning_rate was 0.001 to 0.006, now 0.001 to 0.006 on a log scale",
    ]
    assert sameness.differences(of({}, epochs=integer(3, 6)), of({"epochs": 5}, epochs=integer(3, 6))) == [
        "the preset's epochs was 4, now 5"
    ]
    assert sameness.differences(now, now) == []
    study = optuna.create_study()
    for stored in (7, {"epochs": "{}"}):
        study.set_user_attr("space", stored)
        with pytest.raises(InputRefused, match="space that cannot be read"):
            sameness.check_same(study, now, "another --out")


@pytest.mark.parametrize(
    ("start", "module", "package"),
    [
        ("postgresql+psycopg2", "psycopg2", "psycopg2-binary"),
        ("postgresql+psycopg", "psycopg", "'psycopg[binary]'"),
        ("mysql", "MySQLdb", "mysqlclient"),
        ("mysql+pymysql", "pymysql", "pymysql"),
    ],
)
def test_a_database_whose_package_is_missing(
    start: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MachineLacks) as refused, open_study(f"{start}://me:secret@host/db", "maximize"):
        pass
    assert str(refused.value).endswith(f"is not installed. Type: pip install {package}")
    assert "secret" not in str(refused.value)


def test_no_password_of_a_url_is_repeated() -> None:
    with pytest.raises(InputRefused) as refused, open_study("unknown://me:secret@host/db", "maximize"):
        pass
    assert "secret" not in str(refused.value)
    assert "--storage" in str(refused.value)


def test_a_sweep_and_its_continuation(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"jobs": 1, "seeds": 1, "episodes": 2, "progress": False}
    first = lander_rl.sweep(file, 1, **options)
    assert len(first.trials) == 1
    assert first.folder == Path("sweeps/space")
    assert [picture.name for picture in first.pictures] == ["history.png"]
    assert first.preset is not None
    table = tomllib.loads(first.preset.read_text())["space"]
    best = first.trials[0].settings
    assert table["learning_rate"] == best["learning_rate"]
    assert table["lanes"] == 4
    # What the space names is there, at its default too; so is the backend that trained.
    assert {"epochs", "steps", "selections", "hidden_sizes"} <= table.keys()
    assert table["backend"] == "gymnasium"
    config = TrainConfig(env="CartPole-v1").with_values(table)
    assert ",".join(map(str, config.hidden_sizes)) == best["hidden_sizes"]
    assert "Paste this into preset_files/CartPole-v1.toml" in first.preset.read_text()
    assert first.command[:3] == ("lander", "train", "CartPole-v1")
    # The preset's own values need no words.
    assert "lanes=4" in first.command
    assert not any("learning_rate" in word for word in first.command)
    assert "0 (preset)" in repr(first)

    capsys.readouterr()
    second = lander_rl.sweep(file, 2, **{**options, "progress": True})
    said = capsys.readouterr().err
    assert "The study goes on: 1 trial done, 2 wanted." in said
    assert "(1 seed, scoring included); 2 trials done, 2 wanted" in said
    assert "not known from 2 completed trials; 10 are needed" in repr(second)
    assert [picture.name for picture in second.pictures] == ["history.png"]
    assert {one.number for one in second.trials} == {0, 1}
    assert all(picture.is_file() for picture in second.pictures)
    lander_rl.sweep(file, 1, **{**options, "progress": True})
    assert "The study has 2 trials done, 1 wanted: none is left to train." in capsys.readouterr().err
    for changed, advice in (
        ({}, "another out, or another name for the file"),
        ({"out": first.folder}, "another out"),
        ({"storage": first.folder / "study.log"}, "another storage"),
    ):
        with pytest.raises(UsageError) as refused:
            lander_rl.sweep(file, 3, **{**options, "episodes": 3, **changed})
        assert str(refused.value) == (
            "The study was started with other settings: episodes was 2, now 3. Go back to these, or choose "
            f"{advice}."
        )
    assert dataclasses.replace(second, trials=()).best is None
    unfinished = repr(dataclasses.replace(second, running=1))
    assert "1 trial in other processes; the last process to end writes" in unfinished
    assert "the best so far" in unfinished
    assert "so far" not in repr(second)


def test_two_sweeps_of_one_study_wait_for_each_other(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one reads the study and then writes what follows from it, another must not do the same."""
    held: dict[str, bool] = {}
    for owner, name in (
        (sameness, "check_same"),
        (studies, "make_ready"),
        (Trials, "_ask"),
        (outcome, "_draw"),
    ):
        wrapped = getattr(owner, name)

        def watched(*given: Any, name: str = name, wrapped: Any = wrapped, **named: Any) -> Any:
            with Path("sweeps/space/study.log").open("rb") as journal:
                held[name] = try_lock(journal.fileno()) is False
            return wrapped(*given, **named)

        monkeypatch.setattr(owner, name, watched)
    lander_rl.sweep(file, 1, jobs=1, seeds=1, episodes=2, progress=False)
    assert held == {"check_same": True, "make_ready": True, "_ask": True, "_draw": True}


def test_a_storage_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(InputRefused, match="expected a file of a study"),
        open_study(str(tmp_path / "pipe"), "maximize"),
    ):
        pass


def test_a_line_that_a_full_disk_cut_short_does_not_spoil_the_study(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    with open_study(str(file), "maximize") as study:
        study.set_user_attr("objective", "score")
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":2,"worker')
    for name in ("one", "two"):
        with open_study(str(file), "maximize") as study:
            assert study.user_attrs["objective"] == "score"
            study.set_user_attr(name, 1)
    assert file.read_bytes().startswith(whole)
    (tmp_path / "notes").write_text("mine, without a last line end")
    with (
        pytest.raises(InputRefused, match="expected a file of a study"),
        open_study(str(tmp_path / "notes"), "maximize"),
    ):
        pass
    assert (tmp_path / "notes").read_text() == "mine, without a last line end"


def test_a_folder_that_cannot_be_written_is_refused_first(file: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        lander_rl.sweep(file, 1, out=file / "sweep", progress=False)


def test_a_stop_keeps_the_study(file: Path) -> None:
    found = lander_rl.sweep(file, 2, jobs=1, progress=False, stop=lambda: True)
    assert found.interrupted
    assert found.trials == ()
    assert "0 completed" in repr(found)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"trials": 0}, "--trials should be"),
        ({"episodes": 40_001}, "--episodes should be at most 40,000"),
        ({"engine": "spark"}, "processes or ray"),
        ({"jobs": 0}, "--jobs"),
    ],
)
def test_what_cannot_be_is_refused(file: Path, changed: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        lander_rl.SweepRequest(space=file, **changed)
    assert named in str(refused.value)


def test_an_objective_needs_a_threshold(file: Path) -> None:
    file.write_text(SPACE.replace("CartPole-v1", "Pendulum-v1"))
    with pytest.raises(UsageError, match="has no reward threshold"):
        lander_rl.sweep(file, objective="time", progress=False)
