"""Resumed runs: no step is lost or done twice, and on Gymnasium the interruption changes nothing."""

import importlib.util
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lander_runtime.errors import InputRefused, UsageError
from lander_trainer import (
    Checkpoint,
    RunDirectory,
    TrainConfig,
    UpdateMetrics,
    plan_training,
    preset,
    train,
)
from lander_trainer.trainer import Trainer
from trainer_environments import CountingEnv, EchoEnv
from trainer_helpers import (
    Recorder,
    equal,
    settings,
    tensors,
    timeless_rows,
    train_until,
    updates_in,
)
from trainer_learners import NAMES


def without_environments(run: RunDirectory) -> None:
    """Make the checkpoint one of a backend that cannot restore its environments."""
    checkpoint = Checkpoint.load(run.checkpoint)
    kept = {n: t for n, t in checkpoint.tensors.items() if not n.startswith(("lanes.", "collector."))}
    replace(checkpoint, tensors=kept).save(run.checkpoint)


def same_end(one: RunDirectory, other: RunDirectory) -> None:
    """Weights, optimiser, environments, random numbers, best weights and metrics, all bit for bit."""
    assert timeless_rows(one) == timeless_rows(other)
    for path, its in ((one.checkpoint, other.checkpoint), (one.best, other.best)):
        assert equal(tensors(path), tensors(its)), path.name
        mine, theirs = Checkpoint.load(path), Checkpoint.load(its)
        assert mine.rng == theirs.rng
        assert replace(mine.progress, seconds=0.0) == replace(theirs.progress, seconds=0.0)


def cart_pole(**values: Any) -> TrainConfig:
    """8 updates in which episodes end; the learner and everything else as for real."""
    return settings("CartPole-v1", **{"steps": 8 * 64, "hidden_sizes": (16, 16), "selections": 4, **values})


# An interruption changes nothing, on Gymnasium.


@pytest.mark.parametrize("learner", NAMES)
def test_interrupted_run_ends_like_one_that_was_not(
    run: RunDirectory, another_run: RunDirectory, learner: str
) -> None:
    config = cart_pole(learner=learner)
    train(config, run)
    # Right after a selection, between two, and once more without any progress in between.
    train_until(config, another_run, 2)
    for update in (3, 6):
        assert not train_until(config, another_run, update, resume=True).progress.resumed
    train(config, another_run, resume=True)
    same_end(run, another_run)
    assert len(run.read_metrics()) == 8


@pytest.mark.parametrize("stopped_after", [1, 2, 3, 4, 5])
def test_interruption_at_any_update_changes_nothing(
    echo: str, run: RunDirectory, another_run: RunDirectory, stopped_after: int
) -> None:
    # Episodes of 10 rows and a dummy in rollouts of 11 and 16: also just after an end, and within.
    for steps in (11, 16):
        config = settings(echo, rollout_steps=steps, steps=6 * 4 * steps, selections=6)
        folders = [RunDirectory(each.path / str(steps)) for each in (run, another_run)]
        for folder in folders:
            folder.path.mkdir()
        train(config, folders[0])
        train_until(config, folders[1], stopped_after)
        train(config, folders[1], resume=True)
        same_end(*folders)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (2, 3)])
def test_number_of_workers_may_change(
    run: RunDirectory, another_run: RunDirectory, first: int, second: int
) -> None:
    train(cart_pole(), run)
    train_until(cart_pole(workers=first), another_run, 3)
    result = train(cart_pole(workers=second), another_run, resume=True)
    assert not result.progress.resumed
    same_end(run, another_run)


def test_callers_random_numbers_and_threads_do_not_matter(
    run: RunDirectory, another_run: RunDirectory
) -> None:
    train(cart_pole(), run)
    train_until(cart_pole(), another_run, 4)
    threads = torch.get_num_threads()
    torch.manual_seed(99)
    np.random.seed(99)
    random.seed(99)
    torch.set_num_threads(threads + 1)
    try:
        train(cart_pole(), another_run, resume=True, observer=Recorder())
    finally:
        torch.set_num_threads(threads)
    same_end(run, another_run)


def test_crash_between_two_checkpoints_changes_nothing(run: RunDirectory, another_run: RunDirectory) -> None:
    class Crash(Recorder):
        def on_update(self, metrics: UpdateMetrics) -> None:
            if metrics.update == 5:
                raise RuntimeError("crash")

    # Selections after updates 2, 4, 6 and 8, each with a checkpoint where it was the best so far.
    train(cart_pole(), run)
    with pytest.raises(RuntimeError, match="crash"):
        train(cart_pole(), another_run, observer=Crash())
    assert 2 <= Checkpoint.load(another_run.checkpoint).progress.updates <= 4
    assert updates_in(another_run) == [1, 2, 3, 4, 5]
    train(cart_pole(), another_run, resume=True)
    same_end(run, another_run)


class FullDisk(RunDirectory):
    """A run whose metrics cannot be written."""

    def append_metrics(self, row: dict[str, Any]) -> None:
        raise OSError("no space left")


def test_row_of_an_update_is_written_before_its_checkpoint(run: RunDirectory) -> None:
    # Or a run killed between the two would miss that row for ever.
    with pytest.raises(OSError, match="no space left"):
        train(cart_pole(selections=8), FullDisk(run.path))
    assert not run.checkpoint.exists()
    assert not run.best.exists()


@pytest.mark.slow
def test_interrupted_lunar_lander_ends_like_one_that_was_not(
    run: RunDirectory, another_run: RunDirectory
) -> None:
    values = {"steps": 20 * 4096, "backend": "gymnasium", "device": "cpu", "selections": 4}
    config = preset("LunarLander-v3").with_values(values)
    train(config, run)
    train_until(config, another_run, 7)
    train_until(replace(config, workers=1), another_run, 8, resume=True)
    train(config, another_run, resume=True)
    same_end(run, another_run)


# Whether a run counts as resumed.


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 7 * 64},
        {"learner": "autograd"},
        {"threads": 2},
        {"time_limit": 1e6},
    ],
    ids=str,
)
def test_run_that_its_settings_no_longer_repeat_counts_as_resumed(
    echo: str, run: RunDirectory, changes: dict[str, Any]
) -> None:
    # Its settings alone no longer give its weights, so no command is promised to repeat them.
    assert not train_until(settings(echo), run, 2).progress.resumed
    assert train(settings(echo, **changes), run, resume=True).progress.resumed
    assert Checkpoint.load(run.checkpoint).progress.resumed
    # It stays so for good.
    assert train(settings(echo, **changes), run, resume=True).progress.resumed


@pytest.mark.parametrize(
    "changes",
    [{}, {"workers": 2}, {"critic_process": "yes"}, {"checkpoint_seconds": 5.0}, {"target_score": 1e6}],
    ids=str,
)
def test_run_that_its_settings_repeat_does_not_count_as_resumed(
    run: RunDirectory, changes: dict[str, Any]
) -> None:
    config = settings("CartPole-v1")
    train_until(config, run, 2)
    assert not train(replace(config, **changes), run, resume=True).progress.resumed
    assert not Checkpoint.load(run.checkpoint).progress.resumed


PARTS = ["numpy", "gymnasium", "box2d", "blas kernel", *(["lander-learner"] if "compiled" in NAMES else [])]
"""What a run is not repeated without."""


def test_run_whose_environments_were_lost_counts_as_resumed(echo: str, run: RunDirectory) -> None:
    train_until(settings(echo), run, 2)
    without_environments(run)
    assert train(settings(echo), run, resume=True).progress.resumed


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": "Plan9 mips"},
        *({"versions": {name: "0.0.1"}} for name in PARTS),
    ],
    ids=str,
)
def test_run_from_another_machine_counts_as_resumed(
    echo: str, run: RunDirectory, changes: dict[str, Any]
) -> None:
    train_until(settings(echo), run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    versions = checkpoint.versions | changes.get("versions", {})
    replace(checkpoint, **{**changes, "versions": versions}).save(run.checkpoint)
    assert train(settings(echo), run, resume=True).progress.resumed
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]


def test_other_versions_of_what_computes_nothing_do_not_matter(echo: str, run: RunDirectory) -> None:
    train_until(settings(echo), run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    replace(checkpoint, versions=checkpoint.versions | {"python": "3.99.0"}).save(run.checkpoint)
    assert not train(settings(echo), run, resume=True).progress.resumed


def test_run_whose_episodes_cannot_be_repeated_counts_as_resumed(
    register: Callable[..., str], run: RunDirectory
) -> None:
    # Its observations count the resets of the copy, and a new copy starts at 0.
    config = settings(register(CountingEnv, max_episode_steps=10), selection_episodes=0)
    train_until(config, run, 2)
    assert train(config, run, resume=True).progress.resumed
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]


def test_run_whose_episodes_end_elsewhere_counts_as_resumed(echo: str, run: RunDirectory) -> None:
    train_until(settings(echo), run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    checkpoint.tensors["collector.ended"][1] ^= True
    checkpoint.save(run.checkpoint)
    assert train(settings(echo), run, resume=True).progress.resumed


def test_checkpoint_without_observations_is_continued(run: RunDirectory, another_run: RunDirectory) -> None:
    # Older versions did not write it.
    train(cart_pole(), run)
    train_until(cart_pole(), another_run, 4)
    checkpoint = Checkpoint.load(another_run.checkpoint)
    del checkpoint.tensors["collector.obs"]
    checkpoint.save(another_run.checkpoint)
    train(cart_pole(), another_run, resume=True)
    same_end(run, another_run)


@pytest.mark.skipif(importlib.util.find_spec("envpool") is None, reason="envpool is not installed")
def test_run_on_envpool_continues_and_counts_as_resumed(run: RunDirectory) -> None:
    config = settings("CartPole-v1", backend="envpool")
    train_until(config, run, 2)
    assert not Checkpoint.load(run.checkpoint).arrays("lanes")
    result = train(config, run, resume=True)
    assert result.progress.resumed
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(importlib.util.find_spec("envpool") is None, reason="envpool is not installed")
@pytest.mark.parametrize("backends", [("gymnasium", "envpool"), ("envpool", "gymnasium")])
def test_backend_may_change(run: RunDirectory, backends: tuple[str, str]) -> None:
    config = settings("CartPole-v1")
    train_until(replace(config, backend=backends[0]), run, 2)
    assert train(replace(config, backend=backends[1]), run, resume=True).progress.resumed
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]


# Where it continues.


def test_resumed_run_continues_where_it_stopped(echo: str, run: RunDirectory) -> None:
    stopped = train_until(settings(echo), run, 2)
    recorder = Recorder()
    result = train(settings(echo), run, resume=True, observer=recorder)
    ((_, _, progress),) = recorder.starts
    assert progress == stopped.progress
    assert not result.interrupted
    assert [m.update for m in recorder.updates] == [3, 4, 5, 6]
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]
    for name in ("steps", "episodes", "seconds"):
        column = [row[name] for row in run.read_metrics()]
        assert column == sorted(column), name
        assert column[-1] == getattr(result.progress, name)
    # The rate is that of update 3 of 6, not of a fresh start: 0.0025 * (1 - 2/6).
    assert recorder.updates[0].learning_rate == pytest.approx(0.0025 * 4 / 6)


def test_resumed_run_starts_from_the_saved_weights_and_optimiser(
    echo: str, run: RunDirectory, tmp_path: Path
) -> None:
    train_until(settings(echo), run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    saved = checkpoint.tensors
    assert {"optimizer.0.exp_avg", "optimizer.0.exp_avg_sq", "optimizer.0.step"} <= saved.keys()
    with ExitStack() as closing:
        trainer = Trainer(plan_training(settings(echo)), run, checkpoint, closing)
        trainer.save(tmp_path / "again.safetensors")
    assert equal(Checkpoint.load(tmp_path / "again.safetensors").tensors, saved)


def test_rows_that_a_killed_run_wrote_after_its_checkpoint_are_written_once(
    echo: str, run: RunDirectory
) -> None:
    train_until(settings(echo), run, 2)
    rows = run.read_metrics()
    run.append_metrics({**rows[-1], "update": 3})
    run.append_metrics({**rows[-1], "update": 4})
    train(settings(echo), run, resume=True)
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]


def test_finished_run_does_not_count_as_resumed(echo: str, run: RunDirectory) -> None:
    train(settings(echo), run)
    assert not train(settings(echo), run, resume=True).progress.resumed


@pytest.mark.parametrize("changes", [{}, {"learner": "autograd"}, {"threads": 2}], ids=str)
def test_resuming_a_finished_run_changes_nothing(
    echo: str, run: RunDirectory, changes: dict[str, Any]
) -> None:
    """Its weights are those of the settings, versions and platform that it was trained with."""
    finished = train(settings(echo), run)
    checkpoint = Checkpoint.load(run.checkpoint)
    versions = checkpoint.versions | {"numpy": "0.0.1"}
    replace(checkpoint, versions=versions, platform="Plan9 mips", created="then").save(run.checkpoint)
    files = (run.checkpoint, run.metrics, run.best, run.path / "config.toml")
    before = [file.read_bytes() for file in files]
    recorder = Recorder()
    result = train(settings(echo, **changes), run, resume=True, observer=recorder)
    assert result.progress == finished.progress
    assert not result.interrupted
    assert recorder.updates == []
    assert [file.read_bytes() for file in files] == before


def test_a_run_whose_time_is_over_stays_one_of_a_time_limit(echo: str, run: RunDirectory) -> None:
    """Its schedule followed the clock, so its card must not name a command."""
    done = train(settings(echo, time_limit=1e6), run).progress
    assert not train(settings(echo), run, resume=True).progress.resumed
    saved = Checkpoint.load(run.checkpoint)
    assert (saved.config.time_limit, saved.progress) == (1e6, done)


def test_finished_run_can_be_lengthened(echo: str, run: RunDirectory) -> None:
    train(settings(echo), run)
    result = train(settings(echo, steps=8 * 64), run, resume=True)
    assert result.progress.updates == 8
    assert updates_in(run) == list(range(1, 9))


def test_periodic_checkpoint_survives_a_crash(echo: str, run: RunDirectory) -> None:
    class Crash(Recorder):
        def on_update(self, metrics: UpdateMetrics) -> None:
            super().on_update(metrics)
            if metrics.update == 6:
                raise RuntimeError("crash")

    # 0.1 s is the longest time between checkpoints; 40,000 steps take several times that.
    config = settings(
        echo, checkpoint_seconds=0.1, lanes=16, rollout_steps=512, steps=7 * 8192, selection_episodes=0
    )
    with pytest.raises(RuntimeError, match="crash"):
        train(config, run, observer=Crash())
    assert 1 <= Checkpoint.load(run.checkpoint).progress.updates <= 6


def test_the_first_update_is_saved_before_anything_can_go_wrong(echo: str, run: RunDirectory) -> None:
    class Crash(Recorder):
        def on_update(self, metrics: UpdateMetrics) -> None:
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        train(settings(echo), run, observer=Crash())
    assert Checkpoint.load(run.checkpoint).progress.updates == 1


@pytest.mark.parametrize(
    "changes",
    [{"hidden_sizes": (9,)}, {"env": "CartPole-v1"}, {"gamma": 0.5}],
    ids=["other network", "other environment", "other setting"],
)
def test_resuming_with_other_settings_is_refused(
    echo: str, run: RunDirectory, changes: dict[str, Any]
) -> None:
    # "with `resume` they must be those of the run, `steps` aside"
    train_until(settings(echo), run, 1)
    before = run.checkpoint.read_bytes()
    with pytest.raises(UsageError):
        train(settings(echo, **changes), run, resume=True)
    assert run.checkpoint.read_bytes() == before


def test_resuming_without_a_checkpoint_is_refused(echo: str, run: RunDirectory) -> None:
    with pytest.raises(InputRefused, match=r"checkpoint\.safetensors"):
        train(settings(echo), run, resume=True)


def test_episodes_of_a_resumed_run_continue_and_none_runs_twice(
    register: Callable[..., str], run: RunDirectory
) -> None:
    recording = type("Recording", (EchoEnv,), {"seeds": []})
    config = settings(register(recording, max_episode_steps=10), selection_episodes=0)
    train_until(config, run, 2)
    first = list(recording.seeds)
    assert len(set(first)) == len(first) == 4 * 3
    train(config, run, resume=True)
    second = recording.seeds[len(first) :]
    # The third episode of every lane is taken up where it was; all that follow are new.
    assert second[:4] == first[-4:]
    assert not set(second[4:]) & set(first)


def test_where_environments_were_lost_new_episodes_start(
    register: Callable[..., str], run: RunDirectory
) -> None:
    recording = type("Recording", (EchoEnv,), {"seeds": []})
    config = settings(register(recording, max_episode_steps=10), selection_episodes=0)
    train_until(config, run, 2)
    first = len(recording.seeds)
    without_environments(run)
    train(config, run, resume=True)
    assert not set(recording.seeds[:first]) & set(recording.seeds[first:])
    assert updates_in(run) == [1, 2, 3, 4, 5, 6]
