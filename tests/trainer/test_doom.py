"""Training on Doom: in worker processes, truncated by the engine's timeout, with shaping in training only."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from lander_runtime import envs
from lander_runtime.workers.cores import core_for
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, preset, train
from lander_trainer.backends.gymnasium import GymnasiumBackend
from trainer_helpers import Recorder, timeless_rows

if importlib.util.find_spec("vizdoom") is None:
    pytest.skip("vizdoom is not installed (the extra `doom`)", allow_module_level=True)

GATHERING = "VizdoomHealthGatheringSupreme-v1"
TIMEOUT = 40
"""Tics; the scenario pays 1 for each, and no episode ends before."""


def small(workers: int) -> TrainConfig:
    """Its preset, at 2 updates of 4 x 16 steps, with a hundred more for every tic in training alone."""
    return preset(GATHERING).with_values(
        {
            "steps": 2 * 64,
            "device": "cpu",
            "lanes": 4,
            "rollout_steps": 16,
            "minibatches": 2,
            "hidden_sizes": [8],
            "channels": [4],
            "selection_episodes": 2,
            "selections": 1,
            "checkpoint_seconds": 1e6,
            "workers": workers,
            "env_kwargs": {"max_buttons_pressed": 2, "episode_timeout": TIMEOUT},
            "shaping": {"living_reward": 101},
        }
    )


def test_training_in_other_processes_is_that_in_this_one(
    run: RunDirectory, another_run: RunDirectory
) -> None:
    """Forked processes could hang because of PyTorch's threads; these are spawned."""
    recorder = Recorder()
    result = train(small(workers=2), run, observer=recorder)
    train(small(workers=1), another_run)
    assert timeless_rows(run) == timeless_rows(another_run)
    shaped = [metrics.mean_return for metrics in recorder.updates if metrics.mean_return is not None]
    assert shaped
    assert min(shaped) > 100 * (TIMEOUT - 5)
    assert result.progress.best_score is not None
    assert TIMEOUT - 5 < result.progress.best_score <= TIMEOUT
    checkpoint = Checkpoint.load(run.checkpoint)
    assert checkpoint.env.kwargs == {
        "frame_skip": 4,
        "screen_resolution": "RES_160X120",
        "screen_format": "RGB24",
        "max_buttons_pressed": 2,
        "episode_timeout": TIMEOUT,
    }
    assert checkpoint.action.n == 7
    assert checkpoint.config.shaping == {"living_reward": 101}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc, and the choice of a core, are Linux's")
def test_a_worker_shares_one_core_with_its_engines() -> None:
    """A worker and its engine take turns on one core; this process, which learns, keeps all cores."""
    before = os.sched_getaffinity(0)
    backend = GymnasiumBackend(envs.resolve(GATHERING), lanes=3, seed=1, workers=2)
    try:
        backend.reset()
        for number, (remote, lanes) in enumerate(zip(backend._remote, (1, 2), strict=True)):
            worker = remote._process.pid
            started = children(worker)
            assert len(started) == lanes + 1  # And what ends engines that are left over.
            assert all(os.sched_getaffinity(process) == {core_for(number)} for process in (worker, *started))
    finally:
        backend.close()
    assert os.sched_getaffinity(0) == before


def children(process: int) -> list[int]:
    """The processes that `process` has started, whichever thread of it did."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
