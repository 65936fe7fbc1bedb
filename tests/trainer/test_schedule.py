"""The learning rate over a run, by hand: 10 updates of 4 lanes x 8 steps, from a rate of 0.5."""

import pytest

from lander_trainer import TrainConfig
from lander_trainer.schedule import learning_rate

RUN = TrainConfig(steps=320, lanes=4, rollout_steps=8, minibatches=1, learning_rate=0.5)


def changed(**values: object) -> TrainConfig:
    return RUN.with_values(values)


def test_run_of_the_examples_has_10_updates() -> None:
    assert RUN.updates == 10


@pytest.mark.parametrize(("update", "rate"), [(0, 0.5), (5, 0.25), (9, 0.05), (10, 0.0)])
def test_linear(update: int, rate: float) -> None:
    assert learning_rate(changed(anneal="linear"), update) == pytest.approx(rate)


def test_linear_never_turns_negative() -> None:
    # A finished run that is resumed with fewer steps asks beyond its last update.
    assert learning_rate(changed(anneal="linear"), 12) == 0.0


@pytest.mark.parametrize("update", [0, 5, 10])
def test_none(update: int) -> None:
    assert learning_rate(changed(anneal="none"), update) == 0.5


@pytest.mark.parametrize(("update", "rate"), [(0, 0.5), (1, 0.25), (3, 0.0625)])
def test_exponential(update: int, rate: float) -> None:
    assert learning_rate(changed(anneal="exponential", anneal_rate=0.5), update) == rate


@pytest.mark.parametrize(
    ("anneal", "update", "epoch", "rate"),
    [
        ("none", 7, 0, 0.5),
        ("none", 7, 2, 0.125),
        ("linear", 5, 1, 0.125),  # 0.25 * 0.5
        ("exponential", 2, 1, 0.0625),  # 0.5 * 0.5^2 * 0.5
    ],
)
def test_epoch_decay_acts_inside_an_update_on_top(anneal: str, update: int, epoch: int, rate: float) -> None:
    config = changed(anneal=anneal, anneal_rate=0.5, epoch_decay=0.5)
    assert learning_rate(config, update, epoch) == pytest.approx(rate)


def test_without_epoch_decay_all_epochs_are_equal() -> None:
    assert learning_rate(RUN, 3, 3) == learning_rate(RUN, 3, 0)
