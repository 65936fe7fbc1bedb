"""The same settings give the same run, with any observer and whatever else the process does."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from lander_trainer import RunDirectory, TrainConfig, train
from trainer_helpers import Recorder, equal, settings, tensors, timeless_rows
from trainer_learners import NAMES


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RunDirectory]:
    """One run directory after the other."""
    return (RunDirectory.create("any", tmp_path / str(number)) for number in range(10))


def wide(env_id: str, **values: object) -> TrainConfig:
    """Wide enough for products and initialisation to round differently with another number of threads."""
    return settings(env_id, hidden_sizes=(64, 64), **values)


@pytest.mark.parametrize("learner", NAMES)
def test_same_seed_same_run_with_any_observer(echo: str, fresh: Iterator[RunDirectory], learner: str) -> None:
    alone, watched, other = next(fresh), next(fresh), next(fresh)
    config = wide(echo, learner=learner)
    train(config, alone)
    train(config, watched, observer=Recorder(), stop=lambda: False)
    train(wide(echo, learner=learner, seed=2), other)
    assert equal(tensors(alone.checkpoint), tensors(watched.checkpoint))
    assert equal(tensors(alone.best), tensors(watched.best))
    assert timeless_rows(alone) == timeless_rows(watched)
    assert not equal(tensors(alone.checkpoint, "network."), tensors(other.checkpoint, "network."))


@pytest.mark.parametrize("learner", NAMES)
def test_other_random_numbers_and_threads_do_not_matter(
    echo: str, fresh: Iterator[RunDirectory], learner: str
) -> None:
    first, second = next(fresh), next(fresh)
    config = wide(echo, learner=learner, lanes=16, rollout_steps=64, steps=4 * 1024)
    train(config, first)
    torch.manual_seed(99)
    np.random.seed(99)
    random.seed(99)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        with threadpool_limits(2 if threads == 1 else 1, user_api="blas"):
            train(config, second)
    finally:
        torch.set_num_threads(threads)
    assert equal(tensors(first.checkpoint), tensors(second.checkpoint))
    assert timeless_rows(first) == timeless_rows(second)


def test_number_of_workers_changes_nothing(fresh: Iterator[RunDirectory]) -> None:
    runs = [next(fresh) for _ in range(3)]
    for workers, run in enumerate(runs, start=1):
        train(settings("CartPole-v1", workers=workers), run)
    for run in runs[1:]:
        assert equal(tensors(runs[0].checkpoint), tensors(run.checkpoint))
        assert timeless_rows(runs[0]) == timeless_rows(run)


def test_number_of_checkpoints_changes_nothing(echo: str, fresh: Iterator[RunDirectory]) -> None:
    often, seldom = next(fresh), next(fresh)
    train(settings(echo, checkpoint_seconds=0.1), often)
    train(settings(echo), seldom)
    assert equal(tensors(often.checkpoint), tensors(seldom.checkpoint))
