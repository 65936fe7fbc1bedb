"""Several seeds: figures, the choice, workers in this process and in others, and stopping."""

import errno
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import lander_rl
from lander_rl.several import seeds, training_worker
from lander_rl.several.display import LinesDisplay
from lander_rl.several.pool import PoolRequest, WorkerPool, open_pool, run_trainings
from lander_rl.several.results import SeedRun, SeedRuns
from lander_rl.several.seeds import SeedsRequest
from lander_rl.several.training_worker import Event, Failed, Status, Task, Trained, TrainingWorker
from lander_rl.training.request import TrainRequest
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.locks import locked
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.workers.remote import WorkerDied
from lander_trainer import Checkpoint


def trained(seed: int, returns: list[float], selected: float | None, **changed: Any) -> Trained:
    fields: dict[str, Any] = {
        "steps": 100, "seconds": 1.0, "interrupted": False, "reached_target": False,
        "seconds_to_threshold": None, "last_mean": None, "files": {}, **changed,
    }  # fmt: skip
    return Trained(seed=seed, returns=np.array(returns), selection_score=selected, **fields)


def test_selection_and_not_the_score_chooses() -> None:
    runs = tuple(
        SeedRun(seed, Path(f"run-{seed}"), trained(seed, returns, selected))
        for seed, returns, selected in ((1, [10.0, 30.0], 5.0), (2, [0.0, 4.0], 9.0), (3, [7.0, 7.0], 9.0))
    )
    found = SeedRuns(runs, {4: "no longer finite"}, 2, None, None)
    assert found.scores == (20.0, 2.0, 7.0)
    assert found.mean == pytest.approx(29 / 3)
    assert found.worst is runs[1]
    assert found.chosen is runs[1]
    assert "seed 4  stopped, in no figure: no longer finite" in repr(found)
    data = found.to_json()
    assert data["schema"] == "lander.train_seeds/1"
    assert (data["worst_seed"], data["failed"]) == (2, {"4": "no longer finite"})
    assert [run["score"] for run in data["runs"]] == [20.0, 2.0, 7.0]
    # Nothing was exported, so nothing was chosen.
    assert data["chosen_seed"] is None


def test_scores_are_said_before_an_export_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(seeds, "run_plot", fails)
    monkeypatch.setattr(seeds, "run_export", fails)
    ended = {seed: trained(seed, [10.0 * seed], 5.0) for seed in (1, 2)}
    scheduler: Any = SimpleNamespace(
        ended=ended, failed={}, folders={seed: Path(f"run-{seed}") for seed in ended}
    )
    said: list[str] = []
    request = SeedsRequest(train=TrainRequest(), seeds=2)
    found = seeds._result(request, scheduler, said.append)
    with pytest.raises(OSError, match="No space left"):
        seeds._exported(request, found, said.append)
    assert said[0].startswith("No picture was drawn.")
    assert "score 20.0" in said[1]


def test_a_full_disk_is_no_fault_of_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training_worker, "run_training", fails)
    worker = TrainingWorker()
    worker.begin(Task(request=TrainRequest(out=tmp_path / "run"), episodes=1, first_seed=1))
    _, events = worker.tell(60.0, False)
    (failed,) = events
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, OSError)


def test_two_seeds_have_no_interval_and_a_log_no_line_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tuple(SeedRun(seed, Path("run"), trained(seed, [10.0 * seed], 1.0)) for seed in (1, 2, 3))
    assert "no interval: two seeds say nothing" in repr(SeedRuns(runs[:2], {}, 1, None, None))
    assert "95% interval over seeds" in repr(SeedRuns(runs, {}, 1, None, None))

    monkeypatch.setattr("lander_rl.several.display._LINE_SECONDS", 0.0)
    log = io.StringIO()
    display = LinesDisplay(Console(file=log, width=100))
    for steps in (1, 1, 1, 2):
        display.show({"seed 1": Status(steps / 4, steps, None, None)})
    assert log.getvalue().splitlines() == ["seed 1 25% best -", "seed 1 50% best -"]


@pytest.fixture
def few(small: dict[str, Any]) -> dict[str, Any]:
    """Options of `train_seeds` for runs of two updates."""
    fields = {name: small.pop(name) for name in ("seed", "backend", "device")}
    return {**fields, "steps": 128, "settings": small, "episodes": 3, "gif": False, "progress": False}


def test_runs_are_those_of_single_trainings(
    echo: str, few: dict[str, Any], small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found = lander_rl.train_seeds(echo, 2, jobs=1, **{**few, "progress": True})
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("Training ")] == [
        f"Training {echo} with the seeds {found.runs[0].seed} to {found.runs[1].seed}, 1 at a time"
    ]
    assert len(set(said)) == len(said)
    folder = Path("runs") / echo
    assert [run.path for run in found.runs] == [folder / "001", folder / "002"]
    assert found.picture == folder / "001-002.png"
    assert found.picture.is_file()
    assert found.exported is not None
    assert found.chosen is not None
    assert found.exported.policy == found.chosen.path / "policy.onnx"
    report = found.exported.report
    assert report is not None
    assert report.summary.first_seed == FIRST_EVALUATION_SEED
    assert report.summary.mean_return == found.chosen.score

    alone = lander_rl.train(echo, steps=128, progress=False, **{**small, **_fields(few), "seed": 2})
    pair = [
        Checkpoint.load(folder / "best.safetensors").tensors for folder in (alone.path, found.runs[1].path)
    ]
    for name in (name for name in pair[0] if name.startswith("network")):
        assert pair[0][name].equal(pair[1][name]), name


def _fields(few: dict[str, Any]) -> dict[str, Any]:
    return {name: few[name] for name in ("backend", "device")}


def test_a_stop_saves_every_run_of_every_process(few: dict[str, Any]) -> None:
    begun = set[str]()

    def stop() -> bool:
        begun.update(path.parent.name for path in Path().glob("runs/*/*/metrics.jsonl"))
        return len(begun) == 2

    found = lander_rl.train_seeds("CartPole-v1", 2, jobs=2, stop=stop, **{**few, "steps": 10**9})
    assert found.interrupted
    assert found.exported is None
    assert all(run.trained.steps for run in found.runs)
    assert lander_rl.Run.open(found.runs[1].path).interrupted


def test_ctrl_c_during_the_export_keeps_what_was_trained(
    echo: str, few: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds, "run_export", interrupted)
    found = lander_rl.train_seeds(echo, 2, jobs=1, **few)
    assert len(found.scores) == 2
    assert not found.interrupted
    assert found.exported is None
    assert repr(found).endswith("; not exported")


def test_a_stop_while_the_runs_are_scored_leaves_the_export_out(
    echo: str, few: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    score, scored = training_worker.score, []

    def counting(*given: Any) -> Any:
        scored.append(score(*given))
        return scored[-1]

    monkeypatch.setattr(training_worker, "score", counting)
    found = lander_rl.train_seeds(echo, 2, jobs=1, stop=lambda: len(scored) == 2, **few)
    assert len(found.scores) == 2
    assert not found.interrupted
    assert found.exported is None
    assert not list(Path("runs").rglob("policy.onnx"))


def test_a_folder_of_runs_has_one_training_at_a_time(echo: str, few: dict[str, Any]) -> None:
    """Of two that begin together, each could have begun one run and been refused the other."""
    out = Path("several")
    with locked(out / ".lock", out, ""), pytest.raises(InputRefused, match=r"several is in use: process \d+"):
        lander_rl.train_seeds(echo, 2, jobs=1, out=out, **few)
    assert not list(out.iterdir())


class Unfinished:
    """A worker that ends in the middle of its first training."""

    def send(self, request: str, *arguments: Any) -> None:
        self.request = request

    def receive(self) -> Any:
        if self.request == "tell":
            raise WorkerDied("gone")

    def close(self) -> None: ...


def test_a_worker_that_died_is_replaced() -> None:
    started, died = [], []

    class Two:
        def next_task(self, slot: int) -> Task | None:
            return None if len(died) == 2 else Task(request=TrainRequest(), episodes=1, first_seed=0)

        def on_status(self, slot: int, status: Status) -> None: ...

        def on_event(self, slot: int, event: Event) -> bool:
            return False

        def on_died(self, slot: int, error: WorkerDied) -> None:
            died.append(str(error))

        def stops(self, slot: int) -> bool:
            return False

        def rest(self) -> None: ...

    def start() -> Unfinished:
        started.append(Unfinished())
        return started[-1]

    run_trainings(WorkerPool(start, 1), Two(), lambda: False)
    assert died == ["gone", "gone"]
    assert len(started) == 2


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"seeds": 1}, "--seeds should be from 2 to 100, found 1"),
        ({"jobs": 0}, "--jobs should be a whole number"),
        ({"engine": "spark"}, "processes or ray"),
        ({"ray_address": "auto"}, "--engine ray"),
        ({"episodes": 0}, "episodes should be"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        SeedsRequest(train=TrainRequest(), **fields)
    assert named in str(refused.value)


def test_without_selections_there_is_nothing_to_choose_by(echo: str) -> None:
    with pytest.raises(UsageError, match="selection_episodes"):
        lander_rl.train_seeds(echo, 2, settings={"selection_episodes": 0}, progress=False)
    assert not Path("runs").exists()


def test_no_more_workers_than_trainings() -> None:
    with open_pool(PoolRequest(jobs=8), 3, lambda text: None) as pool:
        assert pool.size == 3
        assert pool.settings == {"workers": 1, "critic_process": "no"}


def test_the_same_call_goes_on(few: dict[str, Any]) -> None:
    """Of three runs one is done, one was stopped and one had not begun: the weights are those of one go."""
    few = {**few, "steps": 256}
    whole = lander_rl.train_seeds("CartPole-v1", 3, jobs=1, out="whole", **few)
    alone = {**few["settings"], **_fields(few), "steps": 256, "progress": False}
    lander_rl.train("CartPole-v1", seed=1, out="parts/seed-1", **alone)
    assert lander_rl.train("CartPole-v1", seed=2, out="parts/seed-2", stop=lambda: True, **alone).interrupted

    kept = Path("parts/seed-1/checkpoint.safetensors").read_bytes()
    found = lander_rl.train_seeds("CartPole-v1", 3, jobs=1, out="parts", **few)
    assert not found.interrupted
    assert Path("parts/seed-1/checkpoint.safetensors").read_bytes() == kept
    assert found.scores == whole.scores
    assert [run.trained.selection_score for run in found.runs] == [
        run.trained.selection_score for run in whole.runs
    ]
    assert (found.exported is not None, found.picture) == (True, Path("parts/seeds.png"))
    for seed in (1, 2, 3):
        one, other = (
            Checkpoint.load(Path(out) / f"seed-{seed}" / "checkpoint.safetensors")
            for out in ("whole", "parts")
        )
        for name in (name for name in one.tensors if name.startswith("network")):
            assert one.tensors[name].equal(other.tensors[name]), (seed, name)


def test_a_run_that_reached_its_target_is_not_trained_further(echo: str, few: dict[str, Any]) -> None:
    few = {**few, "target": -100.0, "out": "runs", "jobs": 1}
    steps = [run.trained.steps for run in lander_rl.train_seeds(echo, 2, **few).runs]
    again = lander_rl.train_seeds(echo, 2, **few)
    assert all(run.trained.reached_target for run in again.runs)
    assert [run.trained.steps for run in again.runs] == steps


def test_a_run_of_other_settings_is_refused(echo: str, few: dict[str, Any]) -> None:
    out = Path("several")
    alone = {**few["settings"], **_fields(few), "steps": 128, "progress": False}
    lander_rl.train(echo, seed=2, out=out / "seed-2", **alone)
    refused = r"seed-2 was trained with other settings: gamma 0\.99\d? there, and gamma 0\.5 now\. Choose"
    changed = {**few, "settings": {**few["settings"], "gamma": 0.5}}
    with pytest.raises(UsageError, match=refused):
        lander_rl.train_seeds(echo, 2, jobs=1, out=out, **changed)
    assert not (out / "seed-1").exists()
    with pytest.raises(UsageError, match="seed-2 is a run already"):
        lander_rl.train_seeds(echo, 2, engine="ray", out=out, **few)
    # How many processes one takes changes no weights.
    again = {**few, "settings": {**few["settings"], "workers": 2}}
    assert len(lander_rl.train_seeds(echo, 2, jobs=1, out=out, **again).scores) == 2


def test_seeds_whose_turn_did_not_come_are_named_and_leave_no_folder(echo: str, few: dict[str, Any]) -> None:
    for out in (None, Path("several")):
        found = lander_rl.train_seeds(echo, 2, jobs=1, out=out, stop=lambda: True, **few)
        assert (found.interrupted, found.missing, found.exported) == (True, (1, 2), None)
        assert dict(found.rows()) == {"seed 1": "not trained yet", "seed 2": "not trained yet"}
    assert not [path for path in Path().glob("**/*") if path.is_dir() and path.name in ("001", "seed-1")]
