"""Collecting: every number is at the step that it belongs to, across resets and rollouts.

`CountingEnv` (conftest.py) observes [episode, step] and pays 100 * episode + step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec
from lander_trainer.backends import RestorableBackend, open_backend
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.ppo.rollout import ActorForward, Collector, Rollout
from trainer_environments import WalkingEnv

SEED = 5

Forward = tuple[NDArray[np.float32], NDArray[np.float32] | None]


def uniform(obs: NDArray[Any]) -> Forward:
    """Logits of two actions that are equally likely, and no values."""
    return np.zeros((len(obs), 2), np.float32), None


def always(probabilities: list[float]) -> ActorForward:
    """Logits of `probabilities`, whatever is seen."""
    logits = np.log(np.array(probabilities, np.float32)) + 3.0
    return lambda obs: (np.broadcast_to(logits, (len(obs), len(logits))), None)


@contextmanager
def collector(spec: EnvSpec, *, lanes: int, steps: int) -> Iterator[Collector]:
    backend = open_backend("gymnasium", spec, lanes, SEED, 1)
    try:
        yield Collector(backend, backend.reset(), steps, np.random.default_rng(SEED), Categorical(2))
    finally:
        backend.close()


def check_rows(rollout: Rollout) -> None:
    """Every row follows from the one before, lane by lane."""
    episode, step = rollout.obs[..., 0], rollout.obs[..., 1]
    ended = rollout.terminated | rollout.truncated
    live = rollout.live
    # A live row goes one step on in its episode and is paid for it.
    assert np.array_equal(episode[1:][live], episode[:-1][live])
    assert np.array_equal(step[1:][live], step[:-1][live] + 1)
    assert np.array_equal(rollout.rewards[live], 100 * episode[1:][live] + step[1:][live])
    # A dummy row leads from an episode's last observation to the next one's first and pays nothing.
    assert np.array_equal(episode[1:][~live], episode[:-1][~live] + 1)
    assert not step[1:][~live].any()
    assert not rollout.rewards[~live].any()
    assert not ended[~live].any()
    # The row after an end, and no other, is a dummy.
    assert np.array_equal(~live[1:], ended[:-1])


def test_one_lane_row_by_row(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=2), lanes=1, steps=5) as collecting:
        rollout = collecting.collect(uniform)
    assert rollout.obs[:, 0].tolist() == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]
    assert rollout.rewards[:, 0].tolist() == [101, 102, 0, 201, 202]
    assert rollout.terminated[:, 0].tolist() == [False, True, False, False, True]
    assert rollout.truncated[:, 0].tolist() == [False] * 5
    assert rollout.live[:, 0].tolist() == [True, True, False, True, True]


@pytest.mark.parametrize(
    "options",
    [{"length": 3}, {"max_episode_steps": 3}, {"length": 1}, {"length": 2, "spread": 4}],
    ids=["terminated", "truncated", "one step", "lanes apart"],
)
def test_rows_belong_together_over_many_rollouts(
    counting: Callable[..., EnvSpec], options: dict[str, int]
) -> None:
    with collector(counting(**options), lanes=4, steps=7) as collecting:
        rollouts = [collecting.collect(uniform) for _ in range(5)]
    for rollout in rollouts:
        check_rows(rollout)
    for before, after in pairwise(rollouts):
        assert np.array_equal(after.obs[0], before.obs[-1])
        ended = before.terminated[-1] | before.truncated[-1]
        assert np.array_equal(~after.live[0], ended)


def test_end_in_the_last_row_is_carried_over(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=3), lanes=1, steps=3) as collecting:
        first, second = collecting.collect(uniform), collecting.collect(uniform)
    assert first.terminated[:, 0].tolist() == [False, False, True]
    assert second.live[:, 0].tolist() == [False, True, True]
    assert second.rewards[:, 0].tolist() == [0, 201, 202]


def test_truncation_is_kept_apart_from_termination(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(max_episode_steps=2), lanes=1, steps=3) as collecting:
        rollout = collecting.collect(uniform)
    assert rollout.truncated[:, 0].tolist() == [False, True, False]
    assert not rollout.terminated.any()


def test_returns_are_whole_episodes_also_across_rollouts(counting: Callable[..., EnvSpec]) -> None:
    # Episode e pays 3 * 100 e + 1 + 2 + 3; rollouts of 5 rows cut through them. 4 rows an episode.
    with collector(counting(length=3), lanes=1, steps=5) as collecting:
        collecting.collect(uniform)
        assert list(collecting.recent_returns) == [306]
        collecting.collect(uniform)
        assert list(collecting.recent_returns) == [306, 606]
        collecting.collect(uniform)
    assert list(collecting.recent_returns) == [306, 606, 906, 1206]
    assert collecting.episodes == 4


def test_recent_returns_are_the_last_hundred(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=1), lanes=1, steps=240) as collecting:
        collecting.collect(uniform)
    # 240 rows are 120 episodes of one step and its dummy; episode e pays 100 e + 1.
    assert collecting.episodes == 120
    assert list(collecting.recent_returns) == [100 * e + 1 for e in range(21, 121)]


def test_a_rollout_is_not_overwritten_by_the_next(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(), lanes=2, steps=3) as collecting:
        first = collecting.collect(lambda obs: (uniform(obs)[0], obs[:, 1]))
        kept = [array.copy() for array in vars(first).values()]
        collecting.collect(uniform)
    assert all(np.array_equal(a, b) for a, b in zip(vars(first).values(), kept, strict=True))


def test_actions_follow_the_policys_distribution(counting: Callable[..., EnvSpec]) -> None:
    probabilities = [0.1, 0.2, 0.7]
    with collector(counting(actions=3), lanes=8, steps=1000) as collecting:
        actions = collecting.collect(always(probabilities)).actions
    shares = np.bincount(actions.ravel(), minlength=3) / actions.size
    # The deviation of a share of 8,000 draws is at most sqrt(0.21 / 8000) = 0.005; four of them.
    assert shares.tolist() == pytest.approx(probabilities, abs=0.02)
    # Lanes and steps draw on their own: the odds of two equal neighbours are 0.01 + 0.04 + 0.49.
    for neighbours in (actions[:, 1:] == actions[:, :-1], actions[1:] == actions[:-1]):
        assert neighbours.mean() == pytest.approx(0.54, abs=0.03)


def test_very_unlikely_actions_are_hardly_ever_sampled(counting: Callable[..., EnvSpec]) -> None:
    # e^-30 is a chance of one in 10^13.
    with collector(counting(), lanes=8, steps=1000) as collecting:
        rollout = collecting.collect(lambda obs: (np.tile(np.float32([30.0, 0.0]), (len(obs), 1)), None))
    assert not rollout.actions.any()


def test_actions_are_chosen_on_the_observation_of_their_row(counting: Callable[..., EnvSpec]) -> None:
    # Action 0 at steps 0 and 1 of an episode, action 1 from 2 on; the odds are e^100 and more.
    def early_or_late(obs: NDArray[Any]) -> Forward:
        return np.float32(200.0) * np.stack([1.5 - obs[:, 1], obs[:, 1] - 1.5], axis=1), None

    with collector(counting(length=4), lanes=3, steps=12) as collecting:
        rollout = collecting.collect(early_or_late)
    assert np.array_equal(rollout.actions, rollout.obs[:-1, :, 1] >= 2)


def test_outputs_are_those_that_each_action_was_sampled_from(counting: Callable[..., EnvSpec]) -> None:
    # Into one buffer, as a learner may hand them out: it is overwritten at every step.
    buffer = np.empty((3, 2), np.float32)

    def in_one_buffer(obs: NDArray[Any]) -> Forward:
        buffer[:] = obs / 1000
        return buffer, None

    with collector(counting(length=4), lanes=3, steps=12) as collecting:
        rollout = collecting.collect(in_one_buffer)
    assert np.array_equal(rollout.outputs, rollout.obs[:-1] / 1000)
    assert rollout.values is None


def test_values_are_those_of_each_observation_also_of_the_last(counting: Callable[..., EnvSpec]) -> None:
    buffer = np.empty(3, np.float32)

    def valued(obs: NDArray[Any]) -> Forward:
        buffer[:] = obs[:, 1] * 2
        return np.zeros((len(obs), 2), np.float32), buffer

    with collector(counting(length=4), lanes=3, steps=10) as collecting:
        for _ in range(2):
            rollout = collecting.collect(valued)
            assert rollout.values is not None
            assert np.array_equal(rollout.values, rollout.obs[:, :, 1] * 2)


def test_same_generator_same_actions(counting: Callable[..., EnvSpec]) -> None:
    def actions() -> NDArray[np.int64]:
        with collector(counting(), lanes=4, steps=50) as collecting:
            return collecting.collect(uniform).actions

    assert np.array_equal(actions(), actions())


# The state of a collector in a checkpoint.


@pytest.mark.parametrize("before", [1, 2, 3])
def test_state_restored_in_another_collector_continues_the_same(
    register: Callable[..., str], before: int
) -> None:
    spec = envs.resolve(register(WalkingEnv, max_episode_steps=7))
    with collector(spec, lanes=6, steps=5) as collecting:
        for _ in range(before):
            collecting.collect(always([0.2, 0.3, 0.5]))
        lanes, state = collecting._backend.state(), collecting.state()
        assert lanes is not None
        random = collecting._rng.bit_generator.state
        ahead = [collecting.collect(always([0.2, 0.3, 0.5])) for _ in range(2)]
        returns = list(collecting.recent_returns)
    assert any(rollout.terminated.any() for rollout in ahead)
    assert any(rollout.truncated.any() for rollout in ahead)
    backend = open_backend("gymnasium", spec, 6, SEED, 1)
    assert isinstance(backend, RestorableBackend)
    try:
        rng = np.random.default_rng()
        rng.bit_generator.state = random
        again = Collector(backend, backend.restore(lanes)[0], 5, rng, Categorical(3))
        again.restore(state)
        for expected in ahead:
            found = again.collect(always([0.2, 0.3, 0.5]))
            for name, array in vars(expected).items():
                assert np.array_equal(getattr(found, name), array), name
        assert list(again.recent_returns) == returns
    finally:
        backend.close()


def test_state_is_a_copy(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=3), lanes=2, steps=5) as collecting:
        collecting.collect(uniform)
        state = collecting.state()
        kept = {name: array.copy() for name, array in state.items()}
        collecting.collect(uniform)
    assert all(np.array_equal(state[name], kept[name]) for name in kept)


@pytest.mark.parametrize("name", ["ended", "returns", "recent_returns"])
def test_incomplete_state_is_refused(counting: Callable[..., EnvSpec], name: str) -> None:
    with collector(counting(), lanes=2, steps=5) as collecting:
        state = collecting.state()
        del state[name]
        with pytest.raises(InputRefused, match="2 lanes"):
            collecting.restore(state)


def test_state_of_other_lanes_is_refused(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(), lanes=3, steps=5) as collecting:
        state = collecting.state()
    with collector(counting(), lanes=2, steps=5) as collecting, pytest.raises(InputRefused):
        collecting.restore(state)


def test_times_are_measured(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(), lanes=2, steps=10) as collecting:
        collecting.collect(uniform)
        first = (collecting.environment_seconds, collecting.inference_seconds)
        collecting.collect(uniform)
    assert 0 < first[0] < collecting.environment_seconds
    assert 0 < first[1] < collecting.inference_seconds


@pytest.mark.parametrize("entry", ["returns", "recent_returns"])
def test_returns_that_are_not_finite_are_refused(counting: Callable[..., EnvSpec], entry: str) -> None:
    with collector(counting(length=3), lanes=2, steps=5) as collecting:
        collecting.collect(uniform)
        state = collecting.state()
        state[entry][0] = np.nan
        with pytest.raises(InputRefused, match=rf"\({entry}\) is not finite"):
            collecting.restore(state)
