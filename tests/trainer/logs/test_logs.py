"""Trackers beside metrics.jsonl: what is reported to them, and that they never stop or change a training."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lander_runtime.errors import MachineLacks, UsageError
from lander_trainer import Progress, RunDirectory, TrainConfig, UpdateMetrics, train
from lander_trainer.logs import INSTALL, check_log, open_log
from lander_trainer.logs.fan_out import FanOut
from lander_trainer.logs.scalars import scalars

DOUBLES = Path(__file__).parents[2] / "doubles"

CONFIG = TrainConfig(env="CartPole-v1", seed=7, backend="gymnasium", device="cpu", hidden_sizes=(8, 4))


def metrics_at(update: int, **values: Any) -> UpdateMetrics:
    """Update `update` of 100 steps each; the number of a field is its place, in quarters."""
    numbers: dict[str, Any] = {field.name: index / 4 for index, field in enumerate(fields(UpdateMetrics))}
    numbers |= {"update": update, "steps": 100 * update, "episodes": 3 * update, "epochs": 4}
    return UpdateMetrics(**(numbers | values))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that has not started."""
    folder = tmp_path / "runs" / "CartPole-v1" / "007"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Put the doubles of wandb and trackio on the path; returns what was reported to them so far."""
    file = tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(file))
    monkeypatch.syspath_prepend(DOUBLES)
    for name in ("wandb", "trackio"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return lambda: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def log_updates(name: str, run: Path, progress: Progress, updates: list[UpdateMetrics]) -> None:
    log = open_log(name, run, CONFIG)
    log.on_start(CONFIG, run, progress)
    for metrics in updates:
        log.on_update(metrics)
    log.close()


def read_events(run: Path) -> EventAccumulator:
    """What TensorBoard itself makes of the folder."""
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return events


def points(events: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(name)]


class TestScalars:
    def test_names_have_a_group(self) -> None:
        found = scalars(metrics_at(3, approx_kl=0.25, mean_return=-1.5, environment_seconds=2.0))
        assert found["train/approx_kl"] == 0.25
        assert found["score/mean_return"] == -1.5
        assert found["time/environment_seconds"] == 2.0
        assert found["progress/update"] == 3.0
        assert set(found) >= {
            "train/approx_kl", "train/clip_fraction", "train/explained_variance", "train/entropy",
            "train/policy_loss", "train/value_loss", "train/learning_rate", "train/grad_norm",
            "score/mean_return", "score/selection_score",
            "time/steps_per_second", "time/environment_seconds", "time/inference_seconds",
            "time/update_seconds", "time/selection_seconds",
        }  # fmt: skip

    def test_steps_are_the_axis_and_no_curve(self) -> None:
        assert not any(name.endswith("/steps") for name in scalars(metrics_at(1)))

    def test_missing_values_are_left_out(self) -> None:
        found = scalars(metrics_at(1, mean_return=None, selection_score=None, explained_variance=math.nan))
        missing = {"score/mean_return", "score/selection_score", "train/explained_variance"}
        assert found.keys() == scalars(metrics_at(1)).keys() - missing


class TestTensorBoard:
    def test_scalars_lie_over_environment_steps(self, run: Path) -> None:
        updates = [metrics_at(1, selection_score=None, entropy=0.5), metrics_at(2, selection_score=8.0)]
        log_updates("tensorboard", run, Progress(), updates)
        events = read_events(run)
        assert points(events, "train/entropy") == [(100, 0.5), (200, updates[1].entropy)]
        assert points(events, "score/selection_score") == [(200, 8.0)]
        assert set(events.Tags()["scalars"]) == set(scalars(updates[1]))

    def test_settings_are_text_and_hyperparameters(self, run: Path) -> None:
        log_updates("tensorboard", run, Progress(), [])
        events = read_events(run)
        (text,) = events.Tensors("settings/text_summary")
        shown = text.tensor_proto.string_val[0].decode()
        assert "| seed | 7 |" in shown
        assert "| hidden_sizes | [8, 4] |" in shown
        content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        values = HParamsPluginData.FromString(content).session_start_info.hparams
        assert set(values) == set(CONFIG.to_dict())
        assert values["seed"].number_value == 7.0
        assert values["gae"].string_value == "true"
        assert values["hidden_sizes"].string_value == "[8, 4]"

    def test_a_row_is_in_the_file_before_the_log_is_closed(self, run: Path) -> None:
        log = open_log("tensorboard", run, CONFIG)
        log.on_start(CONFIG, run, Progress())
        log.on_update(metrics_at(1, entropy=0.5))
        assert points(read_events(run), "train/entropy") == [(100, 0.5)]
        log.close()

    def test_a_resumed_run_leaves_no_rows_from_after_its_checkpoint(self, run: Path) -> None:
        """Stopped after update 3, while the checkpoint is of update 2."""
        first = [metrics_at(update, entropy=float(update)) for update in (1, 2, 3)]
        log_updates("tensorboard", run, Progress(), first)
        checkpoint = Progress(updates=2, steps=200)
        # Not the same steps as before: resets among them are not counted.
        again = [metrics_at(3, steps=290, entropy=30.0), metrics_at(4, steps=390, entropy=40.0)]
        log_updates("tensorboard", run, checkpoint, again)
        expected = [(100, 1.0), (200, 2.0), (290, 30.0), (390, 40.0)]
        assert points(read_events(run), "train/entropy") == expected

    def test_a_run_resumed_twice_from_one_checkpoint(self, run: Path) -> None:
        log_updates("tensorboard", run, Progress(), [metrics_at(1, entropy=1.0)])
        for entropy in (20.0, 21.0):
            log_updates("tensorboard", run, Progress(updates=1, steps=100), [metrics_at(2, entropy=entropy)])
        assert points(read_events(run), "train/entropy") == [(100, 1.0), (200, 21.0)]

    def test_closed_before_it_started(self, run: Path) -> None:
        open_log("tensorboard", run, CONFIG).close()
        assert list(run.iterdir()) == []


@pytest.mark.parametrize("name", ["wandb", "trackio"])
class TestStored:
    def test_scalars_go_over_environment_steps(self, name: str, run: Path, calls: Any) -> None:
        updates = [metrics_at(1, mean_return=None), metrics_at(2)]
        log_updates(name, run, Progress(), updates)
        start, *logged, end = calls()
        assert [call["step"] for call in logged] == [100, 200]
        assert [call["log"] for call in logged] == [scalars(metrics) for metrics in updates]
        assert "score/mean_return" not in logged[0]["log"]
        assert end == {"finish": True}
        assert start["init"]["project"] == "lander"
        assert start["init"]["config"] == CONFIG.to_dict()
        assert start["init"]["name"].startswith("CartPole-v1/007")

    def test_a_resumed_run_continues_its_entry_after_the_reported_steps(
        self, name: str, run: Path, calls: Any
    ) -> None:
        log_updates(name, run, Progress(), [metrics_at(1)])
        files = RunDirectory(run)
        for update in (1, 2, 3):
            files.append_metrics(metrics_at(update).to_json())
        # As in train: the log is opened first, then the rows after the checkpoint are dropped.
        log = open_log(name, run, CONFIG)
        files.drop_metrics_after(2)
        log.on_start(CONFIG, run, Progress(updates=2, steps=200))
        for steps in (290, 300, 310):
            log.on_update(metrics_at(3, steps=steps))
        log.close()
        first, second = (call["init"] for call in calls() if "init" in call)
        # The name is trackio's handle, the id wandb's; both come from the run's folder.
        assert first == second
        assert second["resume"] == "allow"
        assert [call["step"] for call in calls() if "log" in call] == [100, 310]

    def test_runs_of_one_name_in_different_folders_are_separate(
        self, name: str, run: Path, calls: Any, tmp_path: Path
    ) -> None:
        other = tmp_path / "elsewhere" / "CartPole-v1" / "007"
        other.mkdir(parents=True)
        for folder in (run, other):
            log_updates(name, folder, Progress(), [])
        first, second = (call["init"] for call in calls() if "init" in call)
        key = "id" if name == "wandb" else "name"
        assert first[key] != second[key]


def test_wandb_keeps_its_files_in_the_run(run: Path, calls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as an absolute path, in any working directory; wandb adds `wandb` itself."""
    monkeypatch.chdir(run.parent)
    log_updates("wandb", Path("007"), Progress(), [])
    start = calls()[0]["init"]
    assert start["dir"] == str(run)
    assert start["name"] == "CartPole-v1/007"
    # Or it would copy the progress display.
    assert start["settings"] == {"console": "off"}


def test_trackio_does_not_print_on_stdout(run: Path, calls: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log_updates("trackio", run, Progress(), [metrics_at(1)])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "* Run finished."


def test_a_tracker_that_does_not_start_is_an_error_and_leaves_nothing(
    run: Path, calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_REFUSES", "init")
    with pytest.raises(MachineLacks) as caught:
        open_log("wandb", run, CONFIG)
    assert "UsageError: No API key for init." in str(caught.value)
    assert "WANDB_MODE=offline" in str(caught.value)
    assert list(run.iterdir()) == []


class TestCheck:
    @pytest.mark.parametrize(
        ("name", "module"),
        [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb"), ("trackio", "trackio")],
    )
    def test_a_missing_package_says_what_to_install(
        self, name: str, module: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`sys.modules[name] = None` is Python's own way of having a module be absent."""
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MachineLacks) as caught:
            check_log(name)
        assert str(caught.value).endswith(f"Type: {INSTALL[name]}")

    def test_the_folder_that_wandb_leaves_is_not_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "wandb").mkdir()
        # The folder alone, also where the real package is installed.
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        monkeypatch.delitem(sys.modules, "wandb", raising=False)
        with pytest.raises(MachineLacks, match="pip install wandb"):
            check_log("wandb")

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("wandd", "did you mean 'wandb'?"),
            ("mlflow", "choose from tensorboard, wandb, trackio."),
            ("", "choose"),
        ],
    )
    def test_an_unknown_name_is_refused_with_the_known_ones(self, name: str, hint: str) -> None:
        with pytest.raises(UsageError) as caught:
            check_log(name)
        assert hint in str(caught.value)


class Failing:
    """A log that raises at the call `where`, and records all calls."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.calls: list[str] = []

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self._record("start")

    def on_update(self, metrics: UpdateMetrics) -> None:
        self._record(f"update {metrics.update}")

    def close(self) -> None:
        self._record("close")

    def _record(self, what: str) -> None:
        self.calls.append(what)
        if what == self.where:
            raise OSError(28, "No space left on device")


class TestFanOut:
    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ("start", ["start"]),
            ("update 2", ["start", "update 1", "update 2"]),
            ("close", ["start", "update 1", "update 2", "update 3", "close"]),
        ],
    )
    def test_a_log_that_fails_is_reported_once_and_dropped(
        self, run: Path, where: str, expected: list[str]
    ) -> None:
        failing, sound, said = Failing(where), Failing("never"), []
        with FanOut({"bad": failing, "good": sound}, said.append) as observer:
            observer.on_start(CONFIG, run, Progress())
            for update in (1, 2, 3):
                observer.on_update(metrics_at(update))
        assert failing.calls == expected
        assert sound.calls == ["start", "update 1", "update 2", "update 3", "close"]
        (sentence,) = said
        assert "The log bad failed" in sentence
        assert "No space left on device" in sentence

    def test_logs_are_closed_when_training_fails(self, run: Path) -> None:
        log, said = Failing("never"), []
        with pytest.raises(ZeroDivisionError), FanOut({"good": log}, said.append):
            raise ZeroDivisionError
        assert (log.calls, said) == (["close"], [])

    def test_ctrl_c_is_no_failure_of_a_log(self, run: Path) -> None:
        class Interrupted(Failing):
            def _record(self, what: str) -> None:
                if what == "start":
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), FanOut({"log": Interrupted("")}, pytest.fail) as observer:
            observer.on_start(CONFIG, run, Progress())

    def test_errors_of_the_display_are_not_swallowed(self, run: Path) -> None:
        with (
            pytest.raises(OSError, match="No space left"),
            FanOut({}, pytest.fail, Failing("start")) as observer,
        ):
            observer.on_start(CONFIG, run, Progress())


class TestATraining:
    config = replace(
        CONFIG, steps=512, lanes=4, rollout_steps=64, minibatches=2, selection_episodes=2, selections=1
    )

    def train(self, folder: Path, logs: list[str], said: list[str]) -> tuple[bytes, int]:
        """The weights and optimiser after training with `logs`, and how many rows there are."""
        from lander_trainer import Checkpoint

        run = RunDirectory.create(self.config.env, folder)
        opened = {name: open_log(name, folder, self.config) for name in logs}
        with FanOut(opened, said.append) as observer:
            train(self.config, run, observer=observer)
        tensors = Checkpoint.load(run.checkpoint).tensors
        content = b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))
        return content, len(run.read_metrics())

    def test_logs_change_nothing(self, tmp_path: Path, calls: Any) -> None:
        said: list[str] = []
        plain = self.train(tmp_path / "plain", [], said)
        logged = self.train(tmp_path / "logged", ["tensorboard", "wandb", "trackio"], said)
        assert (plain[1], said) == (2, [])
        assert logged == plain
        assert len(read_events(tmp_path / "logged").Scalars("train/approx_kl")) == 2

    def test_a_log_that_fails_in_the_middle_changes_nothing(
        self, tmp_path: Path, calls: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WANDB_REFUSES", "log")
        said: list[str] = []
        plain = self.train(tmp_path / "plain", [], said)
        assert self.train(tmp_path / "logged", ["wandb"], said) == plain
        assert len(said) == 1
