"""Running moments compared with NumPy's over all rows, and the normaliser for each setting."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_trainer import TrainConfig
from lander_trainer.ppo.batch import make_batch
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.ppo.normaliser import LIMIT, Normaliser, RunningMoments
from lander_trainer.ppo.rollout import Rollout
from trainer_rollouts import config_of, rollout_of

BOTH = {"normalize_observations": True, "normalize_rewards": True}


def normaliser_of(config: TrainConfig | None = None, **values: Any) -> Normaliser:
    return Normaliser(config or config_of(**(values or BOTH)), (2,))


def see(normaliser: Normaliser, rollout: Rollout) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Observations and rewards as a learner gets them; then adds the rollout to the statistics."""
    seen = normaliser.normalised(rollout)
    normaliser.learn(rollout)
    return seen.obs, seen.rewards


# Running moments.


@settings(deadline=None, max_examples=100)
@given(
    rows=hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(-1e3, 1e3)),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_moments_are_those_of_all_rows_however_they_come(rows: NDArray[Any], cuts: list[int]) -> None:
    moments = RunningMoments((3,))
    for part in np.split(rows, sorted(cuts)):
        moments.update(part)
    assert moments.count == len(rows)
    assert np.allclose(moments.mean, rows.mean(axis=0), rtol=1e-9, atol=1e-9)
    assert np.allclose(np.square(moments.deviation), rows.var(axis=0) + 1e-8, rtol=1e-9, atol=1e-9)


def test_moments_by_hand() -> None:
    moments = RunningMoments(())
    moments.update(np.array([1.0, 3.0]))
    moments.update(np.array([8.0]))
    # (1 + 3 + 8) / 3 = 4; (9 + 1 + 16) / 3
    assert float(moments.mean) == pytest.approx(4.0)
    assert float(moments.deviation) == pytest.approx((26 / 3) ** 0.5)


def test_small_differences_far_from_zero_are_not_lost() -> None:
    rows = 1e8 + np.random.default_rng(1).normal(size=(4000, 1))
    moments = RunningMoments((1,))
    for part in np.split(rows, 8):
        moments.update(part)
    assert moments.deviation.tolist() == pytest.approx(rows.std(axis=0).tolist(), rel=1e-6)


def test_without_rows_nothing_is_shifted_or_scaled() -> None:
    moments = RunningMoments((2,))
    moments.update(np.zeros((0, 2)))
    assert (moments.count, moments.mean.tolist()) == (0, [0.0, 0.0])
    assert moments.deviation.tolist() == pytest.approx([1.0, 1.0])


# Observations.


def test_a_rollout_is_normalised_with_the_rows_before_it() -> None:
    normaliser, rollouts = normaliser_of(), [rollout_of(seed=seed) for seed in range(3)]
    seen = [see(normaliser, rollout)[0] for rollout in rollouts]
    assert np.allclose(seen[0], rollouts[0].obs)
    # The third with the live rows of the first two; their last observations led to no action.
    rows = np.concatenate([rollout.obs[:-1][rollout.live] for rollout in rollouts[:2]])
    expected = (rollouts[2].obs - rows.mean(axis=0)) / rows.std(axis=0)
    assert np.allclose(seen[2], expected, atol=1e-5)
    assert seen[2].dtype == np.float32


def test_one_at_a_time_or_together_is_the_same_bit_for_bit() -> None:
    normaliser = normaliser_of()
    see(normaliser, rollout_of())
    obs = rollout_of(seed=9).obs
    assert np.array_equal(normaliser.observations(obs), np.stack([normaliser.observations(o) for o in obs]))


def test_values_far_out_are_clipped() -> None:
    normaliser = normaliser_of()
    see(normaliser, rollout_of())
    found = normaliser.observations(np.array([[1e6, -1e6]], np.float32))
    assert found.tolist() == [[LIMIT, -LIMIT]]


def test_dummy_rows_do_not_count() -> None:
    clean = rollout_of()
    obs, rewards = clean.obs.copy(), clean.rewards.copy()
    obs[:-1][~clean.live], obs[-1] = 1e9, 1e9
    rewards[~clean.live] = 0.0
    poisoned = dataclasses.replace(clean, obs=obs, rewards=rewards)
    states = []
    for rollout in (clean, poisoned):
        normaliser = normaliser_of()
        see(normaliser, rollout)
        states.append(normaliser.state())
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


# Rewards.


def rewarding(rewards: list[float], terminated: list[bool], live: list[bool]) -> Rollout:
    """One lane."""
    column = np.array(rewards, np.float32)[:, None]
    steps = len(rewards)
    return dataclasses.replace(
        rollout_of(),
        obs=np.zeros((steps + 1, 1, 2), np.float32),
        rewards=column,
        terminated=np.array(terminated)[:, None],
        truncated=np.zeros((steps, 1), bool),
        live=np.array(live)[:, None],
    )


def test_rewards_are_divided_by_the_deviation_of_the_discounted_return_by_hand() -> None:
    normaliser = normaliser_of(config_of(lanes=1, gamma=0.5, normalize_rewards=True))
    # Returns so far: 4, 0.5 * 4 + 2 = 4, 0.5 * 4 + 6 = 8; the end; a dummy; 1.
    rollout = rewarding(
        [4.0, 2.0, 6.0, 0.0, 1.0], [False, False, True, False, False], [True, True, True, False, True]
    )
    deviation = np.std([4.0, 4.0, 8.0, 1.0])
    assert np.allclose(normaliser.rewards(rollout)[:, 0], rollout.rewards[:, 0] / deviation)
    # The episode continues in the next rollout: 0.5 * 1 + 3 = 3.5.
    following = rewarding([3.0], [False], [True])
    deviation = np.std([4.0, 4.0, 8.0, 1.0, 3.5])
    assert np.allclose(normaliser.rewards(following), 3.0 / deviation)


def test_normalised_rewards_take_the_place_of_the_scale() -> None:
    values = np.zeros((9, 4), np.float32)
    plain, scaled = (
        make_batch(rollout_of(), values, config_of(reward_scale=scale, **BOTH), Categorical(3))
        for scale in (1.0, 0.01)
    )
    assert np.array_equal(plain.returns, scaled.returns)
    assert plain.returns.any()


# Off, and back again.


def test_nothing_is_normalised_by_default() -> None:
    normaliser, rollout = normaliser_of(config_of()), rollout_of()
    obs, rewards = see(normaliser, rollout)
    assert obs is rollout.obs
    assert rewards is rollout.rewards
    assert (normaliser.state(), normaliser.frozen) == ({}, None)


@pytest.mark.parametrize(
    "values", [BOTH, {"normalize_observations": True}, {"normalize_rewards": True}], ids=str
)
def test_restored_normaliser_continues_the_same(values: dict[str, bool]) -> None:
    first, second = normaliser_of(**values), normaliser_of(**values)
    see(first, rollout_of())
    second.restore(first.state())
    for one, other in zip(see(first, rollout_of(seed=5)), see(second, rollout_of(seed=5)), strict=True):
        assert np.array_equal(one, other)
    assert all(np.array_equal(first.state()[name], array) for name, array in second.state().items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("observations.count", None),
        ("observations.count", np.array(-1)),
        ("observations.count", np.array(1.5)),
        ("observations.mean", np.zeros(3)),
        ("observations.mean", np.array([0.0, np.nan])),
        ("observations.squares", np.array([1.0, -1.0])),
        ("observations.squares", np.zeros(2, np.float32)),
        ("returns.mean", np.zeros(1)),
        ("lanes", None),
        ("lanes", np.zeros(3)),
    ],
)
def test_state_that_does_not_fit_is_refused(name: str, value: NDArray[Any] | None) -> None:
    normaliser = normaliser_of()
    see(normaliser, rollout_of())
    state = {key: array for key, array in {**normaliser.state(), name: value}.items() if array is not None}
    with pytest.raises(InputRefused, match=name.split(".")[0]):
        normaliser_of().restore(state)
