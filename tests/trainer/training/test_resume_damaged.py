"""Checkpoints that do not hold what they should are refused, and no process stays behind."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from lander_runtime.errors import InputRefused
from lander_runtime.workers.remote import RemoteWorker
from lander_trainer import Checkpoint, RunDirectory, train
from trainer_helpers import (
    settings,
    train_until,
)


@pytest.mark.parametrize(
    "state", [{}, {"bit_generator": "PCG64"}, {"bit_generator": "MT19937"}, {"state": 1}]
)
def test_checkpoint_without_its_random_state_is_refused(
    echo: str, run: RunDirectory, state: dict[str, Any]
) -> None:
    train_until(settings(echo), run, 1)
    replace(Checkpoint.load(run.checkpoint), rng=state).save(run.checkpoint)
    with pytest.raises(InputRefused, match="random generator"):
        train(settings(echo), run, resume=True)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("lanes.seed", None),
        ("lanes.seed", torch.tensor(-1)),
        ("lanes.seed", torch.tensor([1, 2])),
        ("lanes.seed", torch.tensor(1.5)),
        ("lanes.episodes", None),
        ("lanes.lengths", torch.tensor([1, 2])),
        ("lanes.actions", torch.tensor([1, 2])),
        ("collector.ended", None),
        ("collector.returns", torch.zeros(3)),
        ("collector.recent_returns", None),
        ("collector.recent_returns", torch.tensor(1.0)),
        ("collector.recent_returns", torch.ones(3, dtype=torch.bfloat16)),
        ("collector.ended", torch.ones(4)),
        ("lanes.lengths", torch.ones(4, dtype=torch.bfloat16)),
        ("lanes.lengths", torch.tensor([2**62] * 4)),
    ],
)
def test_checkpoint_whose_environments_do_not_fit_is_refused(
    echo: str, run: RunDirectory, name: str, tensor: torch.Tensor | None
) -> None:
    train_until(settings(echo), run, 1)
    checkpoint = Checkpoint.load(run.checkpoint)
    changed = {**checkpoint.tensors, name: tensor}
    kept = {key: value for key, value in changed.items() if value is not None}
    replace(checkpoint, tensors=kept).save(run.checkpoint)
    before = run.checkpoint.read_bytes()
    with pytest.raises(InputRefused, match=name.split(".")[1]):
        train(settings(echo), run, resume=True)
    assert run.checkpoint.read_bytes() == before


def test_refused_checkpoint_leaves_no_process_behind(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = []

    class Watched(RemoteWorker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            processes.append(self._process)

    monkeypatch.setattr("lander_trainer.learners.handwritten.RemoteWorker", Watched)
    config = settings(
        "CartPole-v1", hidden_sizes=(16, 16), selections=4, rollout_steps=512, steps=2 * 4 * 512, workers=2,
        critic_process="yes", learner="handwritten",
    )  # fmt: skip
    train_until(config, run, 1)
    replace(Checkpoint.load(run.checkpoint), rng={}).save(run.checkpoint)
    with pytest.raises(InputRefused, match="random generator"):
        train(config, run, resume=True)
    assert [process.poll() for process in processes] == [0, 0]
