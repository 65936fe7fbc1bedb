"""A whole sweep: its storage, a study that is continued or stopped, and what is refused."""

import dataclasses
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", reason="needs the extra sweep")


import lander_rl  # noqa: E402
from lander_rl.searching import outcome, sameness  # noqa: E402
from lander_rl.searching import study as studies  # noqa: E402
from lander_rl.searching.space import SearchSpace  # noqa: E402
from lander_rl.searching.study import open_study  # noqa: E402
from lander_rl.searching.trials import Trials  # noqa: E402
from lander_rl.training.request import TrainRequest  # noqa: E402
from lander_runtime.errors import InputRefused, MachineLacks, UsageError  # noqa: E402
from lander_runtime.locks import try_lock  # noqa: E402
from lander_trainer import TrainConfig  # noqa: E402


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
    file.write_text(file.read_text().replace("CartPole-v1", "Pendulum-v1"))
    with pytest.raises(UsageError, match="has no reward threshold"):
        lander_rl.sweep(file, objective="time", progress=False)
