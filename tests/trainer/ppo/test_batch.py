"""The batch of an update: live rows only, advantages in the right units, and the order of each epoch."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lander_trainer import TrainConfig
from lander_trainer.ppo.batch import Batch, epoch_order, make_batch, minibatch_advantages, minibatch_size
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.ppo.rollout import Rollout
from trainer_rollouts import config_of, rollout_of


def values_of(seed: int = 3) -> Any:
    """The critic's values of the 9 x 4 observations of `rollout_of`."""
    return np.random.default_rng(seed).normal(size=(9, 4)).astype(np.float32)


def batch_of(rollout: Rollout, values: Any, config: TrainConfig) -> Batch:
    return make_batch(rollout, values, config, Categorical(3))


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(column, getattr(other, name)) for name, column in vars(one).items())


# Dummy rows.


@pytest.mark.parametrize("end", ["terminated", "truncated"])
@pytest.mark.parametrize("gae", [True, False])
def test_dummy_rows_change_nothing(end: str, gae: bool) -> None:
    clean = rollout_of(end=end)
    rewards, actions, logits = clean.rewards.copy(), clean.actions.copy(), clean.outputs.copy()
    rewards[~clean.live], actions[~clean.live], logits[~clean.live] = 1e30, 2, -50.0
    poisoned = dataclasses.replace(clean, rewards=rewards, actions=actions, outputs=logits)
    config = config_of(gae=gae)
    assert same(batch_of(clean, values_of(), config), batch_of(poisoned, values_of(), config))


@pytest.mark.parametrize("gae", [True, False])
def test_value_of_a_terminal_observation_changes_nothing(gae: bool) -> None:
    # The observation of the dummy row: its value must not change the episode before.
    rollout, values = rollout_of(end="terminated"), values_of()
    poisoned = values.copy()
    poisoned[:-1][~rollout.live] = 1e6
    batches = [batch_of(rollout, each, config_of(gae=gae)) for each in (values, poisoned)]
    assert same(*batches)


def test_batch_holds_the_live_rows_only() -> None:
    rollout = rollout_of()
    batch = batch_of(rollout, values_of(), config_of())
    # 32 rows; four dummies after an end, and the one that begins lane 0
    assert {len(column) for column in vars(batch).values()} == {27}
    assert np.array_equal(batch.obs, rollout.obs[:-1][rollout.live])
    assert np.array_equal(batch.actions, rollout.actions[rollout.live])
    assert np.array_equal(batch.old_values, values_of()[:-1][rollout.live])


# Units and ends.


def test_truncated_end_has_the_critics_value_of_the_last_observation() -> None:
    config = config_of(gamma=0.5, gae_lambda=0.0, reward_scale=1.0)
    rollout, values = rollout_of(end="truncated"), values_of()
    batch = batch_of(rollout, values, config)
    # Lane 1 ends at row 2. Live rows before it, row by row: 3 of row 0 (lane 0 is a dummy) and 4 of row 1.
    assert batch.returns[3 + 4 + 0] == pytest.approx(rollout.rewards[2, 1] + 0.5 * values[3, 1])


@pytest.mark.parametrize("gae", [True, False])
def test_truncation_without_bootstrap_is_an_end(gae: bool) -> None:
    config = config_of(gae=gae, bootstrap_truncations=False)
    cut, ended = (batch_of(rollout_of(end=end), values_of(), config) for end in ("truncated", "terminated"))
    assert same(cut, ended)
    # which it is not where truncations bootstrap
    assert not same(cut, batch_of(rollout_of(end="truncated"), values_of(), config_of(gae=gae)))


def test_rewards_are_scaled_once() -> None:
    nothing = np.zeros((9, 4), np.float32)  # so returns are sums of rewards
    whole, scaled = (
        batch_of(rollout_of(), nothing, config_of(reward_scale=scale)).returns for scale in (1.0, 0.25)
    )
    assert np.allclose(scaled, 0.25 * whole)
    assert np.abs(whole).max() > 0.5


def test_plain_returns_are_gae_at_lambda_1() -> None:
    plain = batch_of(rollout_of(), values_of(), config_of(gae=False))
    assert same(plain, batch_of(rollout_of(), values_of(), config_of(gae_lambda=1.0)))
    assert not same(plain, batch_of(rollout_of(), values_of(), config_of()))


def test_old_log_probs_are_those_of_the_acting_policy() -> None:
    # probabilities 1/2, 1/4, 1/4 everywhere; the shift of 80 must not cost the precision
    logits = np.tile(np.log(np.float32([2.0, 1.0, 1.0])) + np.float32(80.0), (8, 4, 1))
    batch = batch_of(dataclasses.replace(rollout_of(), outputs=logits), values_of(), config_of())
    expected = np.where(batch.actions == 0, 1 / 2, 1 / 4)
    assert np.exp(batch.old_log_probs).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_columns_of_a_row_stay_together() -> None:
    batch = batch_of(rollout_of(), values_of(), config_of())
    order = np.array([5, 0, 26, 5])
    for name, column in vars(batch.rows(order)).items():
        assert np.array_equal(column, getattr(batch, name)[order]), name


# The order of visits.


@given(
    lanes=st.integers(1, 8), steps=st.integers(2, 20), parts=st.integers(1, 16), dummies=st.integers(0, 10)
)
def test_an_epoch_visits_every_row_in_full_minibatches(
    lanes: int, steps: int, parts: int, dummies: int
) -> None:
    parts = min(parts, lanes * steps)
    rows = max(1, lanes * steps - dummies)
    config = config_of(lanes=lanes, rollout_steps=steps, minibatches=parts)
    order = epoch_order(rows, config, np.random.default_rng(1))
    assert order.shape == (parts * minibatch_size(config),)
    # Every row once in random order, and only then the first ones again.
    assert sorted(order[:rows]) == list(range(rows))
    assert np.array_equal(order[rows:], np.resize(order[:rows], len(order))[rows:])
    # No minibatch is larger than it must be to hold the whole rollout.
    assert (minibatch_size(config) - 1) * parts < lanes * steps <= len(order)


def test_rows_are_shuffled_anew_every_epoch() -> None:
    rng = np.random.default_rng(1)
    first, second = (epoch_order(32, config_of(), rng) for _ in range(2))
    assert len({tuple(first), tuple(second), tuple(range(32))}) == 3


def test_order_depends_on_the_generator_alone() -> None:
    first, again, other = (epoch_order(30, config_of(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_advantages_are_normalised_in_each_minibatch_unless_switched_off() -> None:
    raw = np.array([1.0, 3.0, 100.0, 700.0], np.float32)
    config = config_of(lanes=2, rollout_steps=2, minibatches=2)
    assert minibatch_advantages(raw, config).tolist() == pytest.approx([-1.0, 1.0, -1.0, 1.0])
    off = config.with_values({"normalize_advantages": False})
    assert minibatch_advantages(raw, off).tolist() == raw.tolist()
