"""The learning rate over a run, by hand: 10 updates of 4 lanes x 8 steps, from a rate of 0.5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lander_trainer import TrainConfig
from lander_trainer.ppo.schedule import epoch_rates, learning_rate

RUN = TrainConfig(steps=320, lanes=4, rollout_steps=8, minibatches=1, learning_rate=0.5)


def changed(**values: object) -> TrainConfig:
    return RUN.with_values(values)


def test_run_of_the_examples_has_10_updates() -> None:
    assert RUN.updates == 10


@pytest.mark.parametrize(("done", "rate"), [(0.0, 0.5), (0.5, 0.25), (0.9, 0.05), (1.0, 0.0)])
def test_linear_goes_to_zero_with_the_share_done(done: float, rate: float) -> None:
    # Whatever the share is of: the number of updates plays no part.
    for updates in (0, 7, 1000):
        assert learning_rate(changed(anneal="linear"), done, updates) == pytest.approx(rate)


def test_linear_never_turns_negative() -> None:
    assert learning_rate(changed(anneal="linear"), 1.2, 12) == 0.0


@pytest.mark.parametrize("done", [0.0, 0.5, 1.0])
def test_none(done: float) -> None:
    assert learning_rate(changed(anneal="none"), done, round(10 * done)) == 0.5


@pytest.mark.parametrize(("update", "rate"), [(0, 0.5), (1, 0.25), (3, 0.0625)])
def test_exponential(update: int, rate: float) -> None:
    # By updates alone, so that a longer run begins like a shorter one.
    for done in (0.0, 0.3):
        assert learning_rate(changed(anneal="exponential", anneal_rate=0.5), done, update) == rate


@pytest.mark.parametrize("anneal", ["none", "linear", "exponential"])
def test_epoch_decay_is_left_to_the_update(anneal: str) -> None:
    config = changed(anneal=anneal, anneal_rate=0.5)
    decaying = config.with_values({"epoch_decay": 0.5})
    assert learning_rate(decaying, 0.2, 2) == learning_rate(config, 0.2, 2)


def test_later_epochs_of_an_update_have_lower_rates() -> None:
    assert epoch_rates(changed(epochs=3, epoch_decay=0.5), 0.4) == [0.4, 0.2, 0.1]


@given(st.floats(0, 1), st.floats(0, 1))
def test_linear_only_falls(one: float, other: float) -> None:
    early, late = (learning_rate(RUN, share, 0) for share in sorted((one, other)))
    assert 0.0 <= late <= early <= 0.5
