"""`train` and `resume`: real runs on small environments, and what they refuse."""

import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import lander_rl
from lander_rl import Run, TrainObserver, TrainRequest, UsageError, resume, train
from lander_rl.training.request import SELECTIONS_TO_TARGET, SaidTwice
from lander_rl.training.stopping import stop_on_interrupt
from lander_runtime.differing import UNLIMITED
from lander_trainer import Progress, TrainConfig, UpdateMetrics
from trainer_environments import BonusEnv


class Recorder(TrainObserver):
    def __init__(self, stop_at: int = 10**9) -> None:
        self.starts: list[Progress] = []
        self.updates: list[int] = []
        self.selections: list[tuple[int, int]] = []
        """Episodes of each, and the number of its update."""
        self._stop_at = stop_at

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.starts.append(progress)

    def on_update(self, metrics: UpdateMetrics) -> None:
        self.updates.append(metrics.update)

    def on_selection_start(self, episodes: int) -> None:
        self.selections.append((episodes, self.updates[-1] + 1))

    def is_enough(self) -> bool:
        return self.updates[-1] >= self._stop_at


def test_it_trains_and_returns_the_run(echo: str, small: dict[str, Any]) -> None:
    run = train(echo, steps=256, progress=False, **small)
    assert run.path == Path("runs") / echo.replace("/", "-") / "001"
    assert (run.interrupted, run.reached_target) == (False, False)
    assert run.progress.updates == 4
    assert (run.config.env, run.config.lanes, run.config.hidden_sizes) == (echo, 4, (8,))
    assert Run.open(run.path) == run


@pytest.mark.parametrize("steps", [128.0, "128", "1.28e2"])
def test_steps_may_be_written_as_people_write_them(echo: str, small: dict[str, Any], steps: Any) -> None:
    assert train(echo, steps=steps, out="run", progress=False, **small).config.steps == 128


def test_it_learns_what_a_trivial_environment_teaches(echo: str, small: dict[str, Any]) -> None:
    run = train(echo, steps=12_000, progress=False, **{**small, "learning_rate": 0.02, "gamma": 0.5})
    assert run.best_score is not None
    assert run.best_score > 9.0


def test_observer_and_stop(echo: str, small: dict[str, Any]) -> None:
    recorder = Recorder(stop_at=2)
    run = train(echo, steps=640, progress=False, observer=recorder, stop=recorder.is_enough, **small)
    assert recorder.updates == [1, 2]
    assert run.interrupted
    assert Run.open(run.path).interrupted

    again = Recorder()
    done = run.resume(progress=False, observer=again)
    assert again.starts[0].updates == 2
    assert again.updates == [3, 4, 5, 6, 7, 8, 9, 10]
    assert not done.interrupted
    selected = [row["update"] for row in done.metrics if row["selection_score"] is not None]
    assert again.selections == [(2, update) for update in selected if update > 2] != []
    # A whole run has the same weights and rows.
    whole = train(echo, steps=640, progress=False, **small)
    assert [row["policy_loss"] for row in done.metrics] == [row["policy_loss"] for row in whole.metrics]


def test_resume_makes_a_finished_run_longer(echo: str, small: dict[str, Any]) -> None:
    run = train(echo, steps=64, progress=False, **small)
    assert resume(run, steps=192, progress=False).progress.updates == 3
    assert run.progress.updates == 3
    with pytest.raises(UsageError, match="cannot be less"):
        run.resume(steps=64, progress=False)


def test_a_target_ends_the_run(echo: str, small: dict[str, Any]) -> None:
    del small["selections"]
    run = train(echo, steps=6400, target=-1.0, progress=False, **small)
    assert run.reached_target
    assert not run.interrupted
    # The first of 20 selections of 100 updates.
    assert run.progress.updates == 5
    assert Run.open(run.path) == run
    assert not run.missed_target


def test_a_time_ends_the_run(echo: str, small: dict[str, Any]) -> None:
    run = train(echo, time=1.0, progress=False, **{**small, "selection_episodes": 0})
    assert run.progress.seconds >= 1.0
    assert run.config.steps == UNLIMITED
    assert not run.interrupted


def test_the_example_of_the_observer_is_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of its docstring, with a training that tells what it was given."""
    source = inspect.cleandoc(TrainObserver.__doc__ or "")
    code = textwrap.dedent(source[source.index("    class Watch") : source.index("To end a run early")])
    given: dict[str, Any] = {}
    monkeypatch.setattr(lander_rl, "train", lambda env, **options: given.update(options))
    exec(code, {"lander_rl": lander_rl, "TrainObserver": TrainObserver})
    assert not given["stop"]()
    for _ in range(20):
        given["observer"].on_update(types.SimpleNamespace(explained_variance=-1.0))
    assert given["stop"]()


class Counted(BonusEnv):
    """Counts its copies."""

    built: ClassVar[list[int]] = []

    def __init__(self, bonus: float = 0.0, render_mode: str | None = None) -> None:
        super().__init__(bonus, render_mode=render_mode)
        self.built.append(1)


class Start(TrainObserver):
    built = -1

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.built = len(Counted.built)


@pytest.mark.parametrize(("shaping", "probes"), [({}, 1), ({"bonus": 1.0}, 2)])
def test_the_environment_is_looked_at_once(
    register: Callable[..., str], small: dict[str, Any], shaping: dict[str, float], probes: int
) -> None:
    """And once more with its shaping; four further copies are those that are trained in."""
    env = register(Counted, max_episode_steps=10)
    Counted.built.clear()
    start = Start()
    train(env, steps=64, progress=False, observer=start, shaping=shaping, **small)
    assert start.built == probes + small["lanes"]


class TestRequests:
    def test_a_target_selects_more_often_unless_told(self) -> None:
        assert TrainRequest(target=1.0).given()["selections"] == SELECTIONS_TO_TARGET
        assert "selections" not in TrainRequest(target=1.0, settings={"selections": 3}).given()

    def test_a_time_is_the_only_end_unless_told(self) -> None:
        assert TrainRequest(time=5.0).given() == {"time_limit": 5.0, "steps": UNLIMITED}
        assert TrainRequest(time=5.0, steps=9).given()["steps"] == 9
        assert "steps" not in TrainRequest(time=5.0, settings={"steps": 9}).given()

    def test_what_is_not_given_is_left_to_the_preset(self) -> None:
        assert TrainRequest().given() == {}
        assert TrainRequest(seed=0).given() == {"seed": 0}

    @pytest.mark.parametrize(
        ("field", "setting", "value"),
        [("target", "target_score", 1.0), ("time", "time_limit", 9.0), ("seed", "seed", 0)],
    )
    def test_what_is_said_twice_is_refused(self, field: str, setting: str, value: float) -> None:
        with pytest.raises(SaidTwice, match=f"{field} and the setting {setting} both say it"):
            TrainRequest(**{field: value}, settings={setting: value})

    def test_the_environment_is_no_setting(self) -> None:
        with pytest.raises(UsageError, match="not among the settings"):
            TrainRequest(settings={"env": "CartPole-v1"})


@pytest.mark.parametrize(
    ("env", "options", "words"),
    [
        ("LunarLander-v2", {}, "LunarLander-v3"),
        ("CartPole-v1", {"gama": 0.9}, "'gamma'"),
        ("CartPole-v1", {"gamma": 1.5}, r"\[0, 1\]"),
        ("CartPole-v1", {"preset": "bst"}, "default"),
        ("CartPole-v1", {"log": ["tensorbord"]}, "tensorboard"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    env: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        train(env, progress=False, **options)
    assert list(Path().iterdir()) == []


class TestInterrupts:
    CHILD = """if True:
        import json, signal, sys
        # A shell may have started the tests with Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import lander_rl
        run = lander_rl.train(
            "CartPole-v1", steps=10**9, out="run", backend="gymnasium", lanes=8, rollout_steps=32,
            selection_episodes=0, workers=2,
        )
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        print(json.dumps([run.interrupted, run.progress.updates, len(run.metrics)]))
    """

    @pytest.mark.skipif(os.name != "posix", reason="SIGINT goes to a process on POSIX only")
    def test_ctrl_c_saves_and_returns_the_run(self, tmp_path: Path) -> None:
        child = subprocess.Popen(
            [sys.executable, "-c", self.CHILD],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        try:
            wait_for(lambda: (rows := Path("run/metrics.jsonl")).is_file() and rows.stat().st_size > 0, child)
            # As a terminal does it, to the whole group.
            os.killpg(child.pid, signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
        assert child.returncode == 0, err
        assert "Stopping after this update" in err
        interrupted, updates, rows = json.loads(out)
        assert interrupted
        assert updates == rows >= 1
        assert Run.open("run").interrupted
        assert Run.open("run").progress.updates == updates

    def test_the_second_is_a_keyboard_interrupt(self) -> None:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        said: list[str] = []
        try:
            with pytest.raises(KeyboardInterrupt), stop_on_interrupt(said.append) as asked:
                assert not asked()
                signal.raise_signal(signal.SIGINT)
                assert asked()
                signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        finally:
            signal.signal(signal.SIGINT, before)
        assert len(said) == 1

    def test_a_program_with_a_handler_of_its_own_keeps_it(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with stop_on_interrupt(print) as asked:
                assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                assert not asked()
        finally:
            signal.signal(signal.SIGINT, before)

    def test_a_thread_can_train(self, echo: str, small: dict[str, Any]) -> None:
        found: list[Run] = []
        thread = threading.Thread(
            target=lambda: found.append(lander_rl.train(echo, steps=64, progress=False, **small))
        )
        thread.start()
        thread.join(60)
        assert found[0].progress.updates == 1


def wait_for(condition: Callable[[], bool], child: subprocess.Popen[str], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        try:
            child.wait(0.05)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < deadline, "still waiting"
        else:
            pytest.fail(f"ended with {child.returncode}: {child.communicate()[1]}")
