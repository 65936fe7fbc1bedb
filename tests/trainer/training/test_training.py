"""Whole runs: they learn, they write all their files, they end when they should."""

import json
import tomllib
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lander_runtime.errors import UsageError
from lander_trainer import Checkpoint, Progress, RunDirectory, TrainConfig, prepare, preset, train
from trainer_helpers import SEED, Recorder, equal, settings, train_until, updates_in, weights

# They learn.


def test_trivial_environment_is_mastered(echo: str, run: RunDirectory) -> None:
    config = TrainConfig(
        env=echo,
        seed=SEED,
        steps=16_384,
        device="cpu",
        backend="gymnasium",
        lanes=16,
        rollout_steps=32,
        minibatches=4,
        learning_rate=0.01,
        gamma=0.5,
        reward_scale=1.0,
        hidden_sizes=(16,),
        selections=2,
    )
    recorder = Recorder()
    result = train(config, run, observer=recorder)
    first = recorder.updates[0].mean_return
    assert first is not None
    assert first < 4.0  # guessing gives 2.5
    assert result.progress.best_score == 10.0  # greedy, 32 episodes: not one mistake
    last = recorder.updates[-1].mean_return
    assert last is not None
    assert last > 9.0  # sampled


# What a run leaves behind.


def test_files_of_a_run(echo: str, run: RunDirectory) -> None:
    train(settings(echo), run)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "best.safetensors",
        "checkpoint.safetensors",
        "config.toml",
        "learning_curve.png",
        "metrics.jsonl",
    ]


def test_config_file_is_the_run_with_every_auto_replaced(echo: str, run: RunDirectory) -> None:
    config = settings(echo, device="auto", backend="auto")
    train(config, run)
    written = TrainConfig().with_values(tomllib.loads(run.config.read_text(encoding="utf-8")))
    assert written == prepare(config)
    assert written.backend == "gymnasium"
    assert written.device in ("cpu", "cuda")


def test_metrics_have_a_row_an_update_and_are_those_of_the_observer(echo: str, run: RunDirectory) -> None:
    recorder = Recorder()
    result = train(settings(echo), run, observer=recorder)
    assert run.read_metrics() == [metrics.to_json() for metrics in recorder.updates]
    assert [metrics.update for metrics in recorder.updates] == [1, 2, 3, 4, 5, 6]
    # Four lanes, 16 rows an update. An episode takes 10 rows and a dummy: ends at rows 9, 20, 31, 42, 53,
    # 64, 75 and 86, so 1, 2, 1, 1, 2 and 1 an update; dummies one later, so 1, 1, 2, 1, 2 and 1.
    assert [metrics.episodes for metrics in recorder.updates] == [4, 12, 16, 20, 28, 32]
    assert [metrics.steps for metrics in recorder.updates] == [60, 120, 176, 236, 292, 352]
    last = recorder.updates[-1]
    assert (result.progress.updates, result.progress.steps, result.progress.episodes) == (6, 352, 32)
    assert result.progress.seconds == last.seconds
    assert result.progress.best_score == last.best_score
    assert (result.run, result.interrupted) == (run.path, False)


def test_metrics_file_holds_plain_json(echo: str, run: RunDirectory) -> None:
    # One reward for all: no variance to explain, which is a NaN that must not reach the file.
    train(settings(echo, gamma=0.0, reward_scale=1e-9, steps=64), run)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    for line in run.metrics.read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=refuse)


class Collecting(Recorder):
    """Records the calls of the first rollout too, and the updates that were there before each."""

    def __init__(self) -> None:
        super().__init__()
        self.collected: list[tuple[float, float, int]] = []
        self.selecting: list[tuple[int, int]] = []
        self.selected: list[NDArray[Any]] = []
        self.seen = np.eye(4, dtype=np.float32)

    def on_collect(self, done: float, seconds: float) -> None:
        self.collected.append((done, seconds, len(self.updates)))

    def on_selection_start(self, episodes: int) -> None:
        self.selecting.append((episodes, len(self.updates)))

    def on_selection(self, score: float, policy: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        assert score == self.updates[-1].selection_score
        self.selected.append(policy(self.seen))


def test_observer_is_told_of_the_first_rollout_alone(
    echo: str, run: RunDirectory, another_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lander_trainer.observer._TELL_SECONDS", 0.0)
    recorder = Collecting()
    config = settings(echo, steps=128)  # Two updates of 16 steps in 4 lanes.
    train(config, run, observer=recorder)
    assert [done for done, _, _ in recorder.collected] == [*(step / 16 for step in range(1, 16)), 1.0]
    seconds = [seconds for _, seconds, _ in recorder.collected]
    assert seconds == sorted(seconds)
    assert {updates for _, _, updates in recorder.collected} == {0}
    train(config, another_run)
    assert equal(weights(run.checkpoint), weights(another_run.checkpoint))


def test_observer_gets_the_policy_that_was_selected(
    echo: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    recorder = Collecting()
    config = settings(echo)
    train(config, run, observer=recorder)
    scores = [row.selection_score for row in recorder.updates if row.selection_score is not None]
    assert len(recorder.selected) == len(scores) == 2
    before = [place for place, row in enumerate(recorder.updates) if row.selection_score is not None]
    assert recorder.selecting == [(config.selection_episodes, updates) for updates in before]
    last = Checkpoint.load(run.checkpoint).network()
    with torch.no_grad():
        logits = last.actor(torch.from_numpy(recorder.seen))
    assert recorder.selected[-1].tolist() == logits.argmax(-1).tolist()
    train(config, another_run)
    assert equal(weights(run.checkpoint), weights(another_run.checkpoint)), "watching changes no result"


def test_observer_of_two_methods_is_enough(echo: str, run: RunDirectory) -> None:
    """Any object with the methods of earlier versions."""
    calls: list[str] = []
    two = SimpleNamespace(
        on_start=lambda *_: calls.append("start"), on_update=lambda _: calls.append("update")
    )
    train(settings(echo, steps=64), run, observer=two)
    assert calls == ["start", "update"]


def test_observer_gets_the_backend_that_really_runs(echo: str, run: RunDirectory) -> None:
    recorder = Recorder()
    train(settings(echo, backend="auto"), run, observer=recorder)
    ((config, path, progress),) = recorder.starts
    assert (config.backend, path, progress) == ("gymnasium", run.path, Progress())


def test_callers_threads_and_random_numbers_are_left_alone(echo: str, run: RunDirectory) -> None:
    torch.manual_seed(3)
    before = torch.get_num_threads(), torch.get_rng_state()
    train(settings(echo, steps=64, threads=before[0] + 1), run)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


# When it ends.


@pytest.mark.parametrize(("steps", "updates"), [(1, 1), (2 * 64, 2), (2 * 64 + 1, 3)])
def test_run_ends_with_the_update_that_reaches_its_steps(
    echo: str, run: RunDirectory, steps: int, updates: int
) -> None:
    assert train(settings(echo, steps=steps), run).progress.updates == updates


def test_smallest_rollout_always_holds_a_step(echo: str, run: RunDirectory) -> None:
    # One lane, two rows: one of them may be a reset, never both.
    config = settings(echo, lanes=1, rollout_steps=2, minibatches=1, steps=50, selection_episodes=0)
    assert train(config, run).progress.updates == 25


def test_rollout_that_could_be_only_a_reset_is_refused(echo: str) -> None:
    with pytest.raises(UsageError, match="rollout_steps"):
        settings(echo, lanes=1, rollout_steps=1, minibatches=1)


def test_stopped_run_says_so_and_is_saved(echo: str, run: RunDirectory) -> None:
    result = train_until(settings(echo), run, 2)
    assert result.interrupted
    assert result.progress.updates == 2
    assert Checkpoint.load(run.checkpoint).progress == result.progress
    assert updates_in(run) == [1, 2]
    assert run.curve.is_file()


def test_stop_at_the_last_update_is_no_interruption(echo: str, run: RunDirectory) -> None:
    assert not train_until(settings(echo), run, 6).interrupted


def test_target_score_ends_the_run_and_is_no_interruption(echo: str, run: RunDirectory) -> None:
    recorder = Recorder()
    # No score is below 0, so the first selection, after 2 of 6 updates, reaches it.
    result = train(settings(echo, selections=3, target_score=0.0), run, observer=recorder)
    assert (result.interrupted, result.reached_target) == (False, True)
    assert [m.update for m in recorder.updates] == [1, 2]
    assert result.progress.best_score == recorder.updates[-1].selection_score
    assert Checkpoint.load(run.checkpoint).progress == result.progress
    assert Checkpoint.load(run.best).progress.updates == 2


def test_target_score_may_be_reached_exactly(echo: str, run: RunDirectory, another_run: RunDirectory) -> None:
    first = train(settings(echo, selections=1), run).progress.best_score
    assert train(settings(echo, selections=1, target_score=first), another_run).reached_target


def test_target_score_out_of_reach_changes_nothing(echo: str, run: RunDirectory) -> None:
    result = train(settings(echo, target_score=10.5), run)
    assert (result.interrupted, result.reached_target) == (False, False)
    assert result.progress.updates == 6


def test_time_limit_ends_the_run_with_the_whole_schedule_behind_it(echo: str, run: RunDirectory) -> None:
    # Far more steps than a second has time for.
    config = settings(echo, steps=10**9, time_limit=1.0, selections=3, learning_rate=0.001)
    recorder = Recorder()
    result = train(config, run, observer=recorder)
    assert (result.interrupted, result.reached_target) == (False, False)
    rows = recorder.updates
    assert 1.0 <= result.progress.seconds == rows[-1].seconds
    assert all(row.seconds < 1.0 for row in rows[:-1])
    assert [row.done for row in rows] == [min(1.0, row.seconds) for row in rows]
    # The rate of an update is that of its beginning, and falls to 0 at the end of the time.
    assert [row.learning_rate for row in rows[1:]] == pytest.approx(
        [0.001 * (1.0 - row.done) for row in rows[:-1]]
    )
    chosen = [row.done for row in rows if row.selection_score is not None]
    assert len(chosen) == 3
    assert chosen[-1] == 1.0


def test_time_limit_just_reached_still_ends_with_a_selection(
    echo: str, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every look at the clock takes a second: an update two. A third, after no selection, must not count.
    clock = SimpleNamespace(perf_counter=count().__next__)
    monkeypatch.setattr("lander_trainer.trainer.time", clock)
    recorder = Recorder()
    train(settings(echo, steps=10**9, time_limit=6.0, selections=1), run, observer=recorder)
    assert [row.selection_score is not None for row in recorder.updates] == [False, False, True]


def test_time_limit_that_is_not_needed_changes_nothing(
    echo: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    train(settings(echo), run)
    train(settings(echo, time_limit=1e9), another_run)
    assert equal(weights(run.checkpoint), weights(another_run.checkpoint))
    assert [row["done"] for row in run.read_metrics()] == pytest.approx([n / 6 for n in range(1, 7)])


# The real thing.


@pytest.mark.slow
def test_lunar_lander_is_learned(run: RunDirectory) -> None:
    # Measured at 250,000 steps: mean of the last 100 training episodes 258, 251 and 153 at seeds 1, 2
    # and 3. Before learning it is about -180, and hovering without landing stays below 0.
    config = preset("LunarLander-v3").with_values(
        {
            "steps": 250_000,
            "seed": SEED,
            "backend": "gymnasium",
            "device": "cpu",
            "selection_episodes": 0,
        }
    )
    recorder = Recorder()
    train(config, run, observer=recorder)
    mean = recorder.updates[-1].mean_return
    assert mean is not None
    assert mean > 100


@pytest.mark.slow
def test_cart_pole_is_mastered(run: RunDirectory) -> None:
    # Measured at 200,000 steps: best possible, 500, at seeds 1, 2 and 3.
    values = {"steps": 200_000, "seed": SEED, "backend": "gymnasium", "device": "cpu", "selections": 2}
    result = train(preset("CartPole-v1").with_values(values), run)
    assert result.progress.best_score is not None
    assert result.progress.best_score > 400
