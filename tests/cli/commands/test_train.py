"""`lander train`: what it writes, what it says, what it refuses before anything is written."""

import json
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from lander_trainer import Checkpoint

Lander = Callable[..., Any]
Start = Callable[..., Any]
Tree = Callable[[], set[str]]

UPDATE_STEPS = 8 * 32
"""Of the tiny run; the resets among them are not counted as steps."""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class TestARun:
    """All about one run of 2,000 steps."""

    def test_it_writes_the_run_directory(self, trained: Any) -> None:
        assert trained.outcome.code == 0
        assert {path.name for path in trained.folder.iterdir()} == {
            "config.toml",
            "metrics.jsonl",
            "checkpoint.safetensors",
            "best.safetensors",
            "learning_curve.png",
        }

    def test_config_holds_every_setting(self, trained: Any) -> None:
        config = tomllib.loads((trained.folder / "config.toml").read_text(encoding="utf-8"))
        assert config == Checkpoint.load(trained.folder / "checkpoint.safetensors").config.to_dict()
        changed = {"env": "CartPole-v1", "steps": 2000, "seed": 1, "lanes": 8, "rollout_steps": 32}
        assert {name: config[name] for name in changed} == changed
        # What ran, not `auto`.
        assert (config["backend"], config["device"]) == ("gymnasium", "cpu")

    def test_metrics_have_one_row_an_update(self, trained: Any) -> None:
        rows = rows_of(trained.folder)
        assert [row["update"] for row in rows] == list(range(1, 9))
        steps = [row["steps"] for row in rows]
        assert all(
            0 < later - earlier <= UPDATE_STEPS for earlier, later in zip([0, *steps], steps, strict=False)
        )
        assert 0.95 * 2000 < steps[-1] <= 8 * UPDATE_STEPS

    def test_both_checkpoints_are_valid(self, trained: Any) -> None:
        last = rows_of(trained.folder)[-1]
        checkpoint = Checkpoint.load(trained.folder / "checkpoint.safetensors")
        best = Checkpoint.load(trained.folder / "best.safetensors")
        assert checkpoint.progress.updates == 8
        assert checkpoint.progress.steps == last["steps"]
        assert checkpoint.progress.best_score == best.progress.best_score == last["best_score"]
        for one in (checkpoint, best):
            assert all(torch.isfinite(tensor).all() for tensor in one.network().state_dict().values())

    def test_the_curve_is_a_picture(self, trained: Any) -> None:
        assert (trained.folder / "learning_curve.png").read_bytes().startswith(b"\x89PNG")

    def test_talk_goes_to_stderr_in_plain_lines(self, trained: Any) -> None:
        lines = trained.outcome.err.splitlines()
        assert lines[0] == f"Training CartPole-v1 in {trained.folder}"
        assert lines[1] == "8 lanes on gymnasium, networks on cpu, 2,000 steps, seed 1"
        *progress, empty, following = lines[2:]
        assert progress
        assert all("steps/s" in line for line in progress)
        assert progress[-1].strip().startswith(f"{rows_of(trained.folder)[-1]['steps']:,} steps")
        assert (empty, following) == ("", f"Next: lander export {trained.folder}")
        assert "\x1b" not in trained.outcome.err
        assert "\r" not in trained.outcome.err

    def test_results_go_to_stdout(self, trained: Any) -> None:
        last = rows_of(trained.folder)[-1]
        found = dict(line.split("  ", 1) for line in trained.outcome.out.splitlines())
        assert {name.strip(): value.strip().split()[0] for name, value in found.items()} == {
            "run": str(trained.folder),
            "steps": f"{last['steps']:,}",
            "time": f"{last['seconds']:.1f}",
            "best score": f"{last['best_score']:.1f}",
        }
        assert "\x1b" not in trained.outcome.out


class TestWhereItWrites:
    def test_runs_are_numbered_and_json_is_one_object(self, lander: Lander, tiny_run: list[Any]) -> None:
        first, second = (lander("train", *tiny_run, "--steps", "1", "--json") for _ in range(2))
        assert (first.code, second.code) == (0, 0)
        found = json.loads(first.out)
        assert set(found) == {
            "schema", "run", "interrupted", "reached_target", "updates", "steps", "episodes", "seconds",
            "best_score",
        }  # fmt: skip
        assert found["schema"] == "lander.training/1"
        assert found["run"] == str(Path("runs/CartPole-v1/001"))
        assert (found["interrupted"], found["updates"]) == (False, 1)
        assert found["steps"] == rows_of(Path(found["run"]))[-1]["steps"]
        assert first.next == f"lander export {found['run']}"
        assert json.loads(second.out)["run"] == str(Path("runs/CartPole-v1/002"))
        # One seed, one set of weights, whatever the folder.
        one, two = (
            Checkpoint.load(Path(f"runs/CartPole-v1/{n}/checkpoint.safetensors")) for n in ("001", "002")
        )
        assert all(torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items())

    @pytest.mark.parametrize("name", ["a b/it's", "ünï/着陆 [bold]", "-x"])
    def test_out_may_be_any_path(self, lander: Lander, tiny_run: list[Any], name: str) -> None:
        found = lander("train", *tiny_run, "--steps", "1", "--out", name)
        assert found.code == 0
        assert (Path(name) / "checkpoint.safetensors").is_file()
        assert shlex.split(found.next)[:2] == ["lander", "export"]
        assert Path(shlex.split(found.next)[-1]) == Path(name)

    def test_an_empty_folder_will_do(self, lander: Lander, tiny_run: list[Any], tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert lander("train", *tiny_run, "--steps", "1", "--out", tmp_path / "empty").code == 0
        assert (tmp_path / "empty" / "checkpoint.safetensors").is_file()

    def test_a_folder_with_something_in_it_is_refused(
        self, lander: Lander, tiny_run: list[Any], tree: Tree
    ) -> None:
        Path("full").mkdir()
        Path("full/notes.txt").write_text("mine")
        found = lander("train", *tiny_run, "--out", "full")
        assert (found.code, found.out) == (2, "")
        assert "full is not empty" in found.message
        assert tree() == {"full", str(Path("full/notes.txt"))}
        assert Path("full/notes.txt").read_text() == "mine"

    @pytest.mark.parametrize("out", ["file", "file/below"])
    def test_a_file_where_a_folder_should_be_is_refused(
        self, lander: Lander, tiny_run: list[Any], tree: Tree, out: str
    ) -> None:
        Path("file").write_text("mine")
        found = lander("train", *tiny_run, "--out", out)
        assert (found.code, found.out) == (2, "")
        assert out in found.message
        assert tree() == {"file"}


CARTPOLE = ["CartPole-v1", "--backend", "gymnasium"]
REFUSED = {
    "replaced environment": (["LunarLander-v2"], "LunarLander-v3"),
    "misspelt environment": (["LunarLandr-v3"], "LunarLander"),
    "environment without version": (["CartPole"], "CartPole-v1"),
    "no such version": (["CartPole-v9"], "CartPole-v1"),
    "no environment's name": (["", "--steps", "1", "--set", "lanes=1", "--set", "selections=1"], "''"),
    "observations of several kinds": (["Blackjack-v1"], "Blackjack-v1 has Tuple observations"),
    "images that are too small": (
        ["CarRacing-v3", "--set", 'env_wrappers=[{"name": "ShrinkObservation", "kwargs": {"factor": 6}}]'],
        "CarRacing-v3 has images of 16 x 16 pixels, and 2 convolutions need 20 x 20",
    ),
    "wrapper that is not on the list": (
        ["CarRacing-v3", "--set", 'env_wrappers=[{"name": "RecordVideo", "kwargs": {}}]'],
        "'RecordVideo' is not one of",
    ),
    "observations that are no vector": (["FrozenLake-v1"], "FrozenLake-v1 has Discrete observations"),
    "misspelt setting": ([*CARTPOLE, "--set", "gama=0.9"], "'gamma'"),
    "unknown setting": ([*CARTPOLE, "--set", "warp=9"], "'warp'"),
    "setting without a value": ([*CARTPOLE, "--set", "gamma"], "key=value"),
    "setting out of range": ([*CARTPOLE, "--set", "gamma=1.5"], "[0, 1]"),
    "setting that is no number": ([*CARTPOLE, "--set", "gamma=high"], "a number"),
    "setting that is not finite": ([*CARTPOLE, "--set", "learning_rate=nan"], "learning_rate"),
    "more minibatches than data": (
        [*CARTPOLE, "--set", "lanes=1", "--set", "rollout_steps=2", "--set", "minibatches=4"],
        "minibatches",
    ),
    "environment named twice": (
        [*CARTPOLE, "--set", "env=Acrobot-v1", "--steps", "1", "--set", "lanes=1"],
        "env",
    ),
    "steps said twice": ([*CARTPOLE, "--steps", "100", "--set", "steps=200"], "--steps and --set steps="),
    "seed said twice": ([*CARTPOLE, "--seed", "1", "--set", " seed = 1"], "--seed and --set seed="),
    "target said twice": (
        [*CARTPOLE, "--target", "9", "--set", " target_score=8"],
        "--target and --set target_score=",
    ),
    "time said twice": (
        [*CARTPOLE, "--time", "9s", "--set", "time_limit = 8"],
        "--time and --set time_limit=",
    ),
    "fraction of a step": ([*CARTPOLE, "--steps", "10.5"], "steps=10.5"),
    "no steps": ([*CARTPOLE, "--steps", "0"], "steps is 0"),
    "steps in words": ([*CARTPOLE, "--steps", "many"], "steps=many"),
    "endless steps": ([*CARTPOLE, "--steps", "inf"], "steps=inf"),
    "negative seed": ([*CARTPOLE, "--seed", "-1"], "--seed is -1; it must lie in [0, 2_147_483_647]."),
    "steps with a letter": ([*CARTPOLE, "--steps", "10k"], "such as 10_000 or 1e4."),
    "no time": ([*CARTPOLE, "--time", "0s"], "--time 0s is too short"),
    "negative time": ([*CARTPOLE, "--time", "-5s"], "--time -5s is too short"),
    "time in words": ([*CARTPOLE, "--time", "soon"], "--time 'soon' is no duration"),
    "unknown preset": ([*CARTPOLE, "--preset", "bst"], "default"),
    "unknown preset of the default": (["--preset", "bst"], "default, best, notebook"),
    "unknown device": ([*CARTPOLE, "--device", "tpu"], "auto, cpu, cuda"),
    "unknown backend": (["CartPole-v1", "--backend", "evnpool"], "auto, gymnasium, envpool, native"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    lander: Lander, tree: Tree, arguments: list[str], words: str
) -> None:
    found = lander("train", *arguments)
    assert (found.code, found.out) == (2, "")
    assert words in found.message
    assert tree() == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_without_a_gpu_is_what_the_machine_lacks(lander: Lander, tree: Tree) -> None:
    found = lander("train", *CARTPOLE, "--device", "cuda")
    assert (found.code, found.out) == (4, "")
    assert "--device cpu" in found.message
    assert tree() == set()


class HomeMadeEnv(gymnasium.Env[Any, Any]):
    """Known to Gymnasium only; gives one point a step for ten steps."""

    observation_space = gymnasium.spaces.Box(0, 10, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step = 0
        return np.array([0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return np.array([self._step], np.float32), 1.0, self._step == 10, False, {}


@pytest.fixture
def home_made() -> Iterator[str]:
    gymnasium.register("tests/HomeMade-v0", entry_point=HomeMadeEnv)
    yield "tests/HomeMade-v0"
    del gymnasium.registry["tests/HomeMade-v0"]


class TestAnEnvironmentThatEnvpoolLacks:
    def test_envpool_refuses_it_by_name(self, lander: Lander, tree: Tree, home_made: str) -> None:
        pytest.importorskip("envpool", reason="envpool is not installed")
        found = lander("train", home_made, "--backend", "envpool")
        assert (found.code, found.out) == (2, "")
        assert home_made in found.message
        assert "--backend gymnasium" in found.message
        assert tree() == set()

    def test_auto_takes_gymnasium_and_says_so(self, lander: Lander, home_made: str) -> None:
        """The slash of a namespace does not become a folder."""
        small = ["--set", "lanes=2", "--set", "rollout_steps=16", "--set", "selection_episodes=1"]
        found = lander("train", home_made, "--steps", "1", *small, "--json")
        assert found.code == 0
        assert "2 lanes on gymnasium" in found.err
        assert json.loads(found.out)["run"] == str(Path("runs/tests-HomeMade-v0/001"))
        assert json.loads(found.out)["best_score"] == 10.0


def test_an_old_version_that_still_works_is_trained_and_mentioned_once(start: Start) -> None:
    """Gymnasium's own warning would come once a lane, and in a process of its own it is seen."""
    small = ["--backend", "gymnasium", "--set", "lanes=4", "--set", "rollout_steps=16", "--steps", "1"]
    found = start("train", "CartPole-v0", *small, "--set", "selection_episodes=1").end()
    assert found.code == 0
    [line] = [line for line in found.err.splitlines() if "CartPole-v1" in line]
    assert line == "CartPole-v0 is an old version; scores of it do not compare with those of CartPole-v1."
    assert "out of date" not in found.err


@pytest.mark.parametrize("steps", ["1e3", "1_000"])
def test_numbers_may_be_written_as_people_write_them(lander: Lander, tiny_run: list[Any], steps: str) -> None:
    found = lander("train", *tiny_run, "--steps", steps, "--set", "selection_episodes=0", "--json")
    assert found.code == 0
    assert json.loads(found.out)["updates"] == 4
    config = tomllib.loads(Path("runs/CartPole-v1/001/config.toml").read_text(encoding="utf-8"))
    assert config["steps"] == 1000


def test_what_has_an_option_can_be_set_like_the_rest(lander: Lander, tiny_run: list[Any]) -> None:
    found = lander("train", *tiny_run, "--set", "steps=300", "--set", "seed=5", "--out", "run")
    assert found.code == 0
    assert "300 steps, seed 5" in found.err


class TestLogs:
    DOUBLES = Path(__file__).parents[2] / "doubles"

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """The doubles of wandb and trackio on the path; the file with their calls."""
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        monkeypatch.syspath_prepend(self.DOUBLES)
        for name in ("wandb", "trackio"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        return tmp_path / "calls"

    def test_several_logs_beside_metrics(self, lander: Lander, tiny_run: list[Any], calls: Path) -> None:
        logs = ["--log", "tensorboard", "--log", "trackio", "--log", "tensorboard"]
        found = lander("train", *tiny_run, "--steps", "300", "--out", "run", *logs, "--json")
        assert found.code == 0
        # One object, whatever the packages print.
        assert json.loads(found.out)["updates"] == 2
        assert len(list(Path("run/tensorboard").iterdir())) == 1
        told = [json.loads(line) for line in calls.read_text().splitlines()]
        assert [call["step"] for call in told if "log" in call] == [
            row["steps"] for row in rows_of(Path("run"))
        ]
        assert told[-1] == {"finish": True}

    @pytest.mark.parametrize(
        ("log", "code", "named"),
        [("tensorbord", 2, "did you mean 'tensorboard'?"), ("wandb", 4, "pip install wandb")],
    )
    def test_what_cannot_be_logged_to_is_said_before_anything_is_written(
        self,
        lander: Lander,
        tiny_run: list[Any],
        tree: Tree,
        monkeypatch: pytest.MonkeyPatch,
        log: str,
        code: int,
        named: str,
    ) -> None:
        monkeypatch.setitem(sys.modules, "wandb", None)
        found = lander("train", *tiny_run, "--log", log)
        assert (found.code, found.out) == (code, "")
        assert named in found.message
        assert tree() == set()

    def test_a_log_that_does_not_start_closes_the_others(
        self, lander: Lander, tiny_run: list[Any], calls: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WANDB_REFUSES", "init")
        found = lander("train", *tiny_run, "--out", "run", "--log", "trackio", "--log", "wandb")
        assert (found.code, found.out) == (4, "")
        assert "The log wandb does not start (UsageError: No API key for init.)" in found.message
        assert json.loads(calls.read_text().splitlines()[-1]) == {"finish": True}

    def test_a_log_that_fails_is_reported_once_and_training_goes_on(
        self, lander: Lander, tiny_run: list[Any], calls: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WANDB_REFUSES", "log")
        found = lander("train", *tiny_run, "--steps", "700", "--out", "run", "--log", "wandb")
        assert found.code == 0
        assert found.err.count("The log wandb failed") == 1
        assert len(rows_of(Path("run"))) == 3
        assert found.next == "lander export run"

    def test_a_folder_that_cannot_be_written_stops_nothing(
        self, lander: Lander, add_run: Callable[..., Path]
    ) -> None:
        run = add_run()
        (run / "tensorboard").write_text("a file where the folder should be")
        found = lander("train", "--resume", run, "--steps", "600", "--log", "tensorboard")
        assert found.code == 0
        assert found.err.count("The log tensorboard failed") == 1
        assert [row["update"] for row in rows_of(run)] == [1, 2, 3]
