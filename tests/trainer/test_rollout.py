"""Collecting: every number lands at the step that it belongs to, across resets and rollouts.

`CountingEnv` (conftest.py) observes [episode, step] and pays 100 * episode + step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from torch import nn

from lander_runtime.spec import EnvSpec
from lander_trainer.backends import open_backend
from lander_trainer.network import ActorCritic
from lander_trainer.rollout import Collector, Rollout

SEED = 5


@contextmanager
def collector(
    spec: EnvSpec, *, lanes: int, steps: int, network: ActorCritic | None = None
) -> Iterator[Collector]:
    backend = open_backend("gymnasium", spec, lanes, SEED)
    try:
        yield Collector(
            backend,
            network or ActorCritic(2, 2, (8,), "tanh"),
            steps,
            torch.Generator().manual_seed(SEED),
        )
    finally:
        backend.close()


def check_rows(rollout: Rollout) -> None:
    """Every row follows from the one before, lane by lane."""
    episode, step = rollout.obs.unbind(-1)
    ended = rollout.terminated | rollout.truncated
    live = rollout.live
    # A live row goes one step on in its episode and is paid for it.
    assert torch.equal(episode[1:][live], episode[:-1][live])
    assert torch.equal(step[1:][live], step[:-1][live] + 1)
    assert torch.equal(rollout.rewards[live], 100 * episode[1:][live] + step[1:][live])
    # A dummy row leads from an episode's last observation to the next one's first and pays nothing.
    assert torch.equal(episode[1:][~live], episode[:-1][~live] + 1)
    assert not step[1:][~live].any()
    assert not rollout.rewards[~live].any()
    assert not ended[~live].any()
    # The row after an end, and no other, is a dummy.
    assert torch.equal(~live[1:], ended[:-1])


def test_one_lane_row_by_row(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=2), lanes=1, steps=5) as collecting:
        rollout = collecting.collect()
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
        rollouts = [collecting.collect() for _ in range(5)]
    for rollout in rollouts:
        check_rows(rollout)
    for before, after in pairwise(rollouts):
        assert torch.equal(after.obs[0], before.obs[-1])
        ended = before.terminated[-1] | before.truncated[-1]
        assert torch.equal(~after.live[0], ended)


def test_end_in_the_last_row_is_carried_over(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=3), lanes=1, steps=3) as collecting:
        first, second = collecting.collect(), collecting.collect()
    assert first.terminated[:, 0].tolist() == [False, False, True]
    assert second.live[:, 0].tolist() == [False, True, True]
    assert second.rewards[:, 0].tolist() == [0, 201, 202]


def test_truncation_is_kept_apart_from_termination(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(max_episode_steps=2), lanes=1, steps=3) as collecting:
        rollout = collecting.collect()
    assert rollout.truncated[:, 0].tolist() == [False, True, False]
    assert not rollout.terminated.any()


def test_returns_are_whole_episodes_also_across_rollouts(counting: Callable[..., EnvSpec]) -> None:
    # Episode e pays 3 * 100 e + 1 + 2 + 3; rollouts of 5 rows cut through them. 4 rows an episode.
    with collector(counting(length=3), lanes=1, steps=5) as collecting:
        collecting.collect()
        assert list(collecting.recent_returns) == [306]
        collecting.collect()
        assert list(collecting.recent_returns) == [306, 606]
        collecting.collect()
    assert list(collecting.recent_returns) == [306, 606, 906, 1206]
    assert collecting.episodes == 4


def test_recent_returns_are_the_last_hundred(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(length=1), lanes=1, steps=240) as collecting:
        collecting.collect()
    # 240 rows are 120 episodes of one step and its dummy; episode e pays 100 e + 1.
    assert collecting.episodes == 120
    assert list(collecting.recent_returns) == [100 * e + 1 for e in range(21, 121)]


def test_a_rollout_is_not_overwritten_by_the_next(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(), lanes=2, steps=3) as collecting:
        first = collecting.collect()
        kept = [tensor.clone() for tensor in vars(first).values()]
        collecting.collect()
    assert all(torch.equal(a, b) for a, b in zip(vars(first).values(), kept, strict=True))


def with_probabilities(probabilities: list[float]) -> ActorCritic:
    """A network that gives `probabilities` whatever it sees."""
    network = ActorCritic(2, len(probabilities), (4,), "tanh")
    last = network.actor[-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor(probabilities).log() + 3.0)
    return network


def test_actions_follow_the_policys_distribution(counting: Callable[..., EnvSpec]) -> None:
    probabilities = [0.1, 0.2, 0.7]
    network = with_probabilities(probabilities)
    with collector(counting(actions=3), lanes=8, steps=1000, network=network) as collecting:
        actions = collecting.collect().actions
    shares = torch.bincount(actions.flatten(), minlength=3) / actions.numel()
    # The deviation of a share of 8,000 draws is at most sqrt(0.21 / 8000) = 0.005; four of them.
    assert shares.tolist() == pytest.approx(probabilities, abs=0.02)
    # Lanes and steps draw on their own: the odds of two equal neighbours are 0.01 + 0.04 + 0.49.
    for neighbours in (actions[:, 1:] == actions[:, :-1], actions[1:] == actions[:-1]):
        assert neighbours.float().mean().item() == pytest.approx(0.54, abs=0.03)


def test_actions_are_chosen_on_the_observation_of_their_row(counting: Callable[..., EnvSpec]) -> None:
    # Logits (s - 1.5) * (-100, 100): action 0 at steps 0 and 1 of an episode, action 1 from 2 on.
    network = ActorCritic(2, 2, (1,), "relu")
    first, last = network.actor[0], network.actor[-1]
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[0.0, 1.0]]))
        last.weight.copy_(torch.tensor([[-100.0], [100.0]]))
        last.bias.copy_(torch.tensor([150.0, -150.0]))
    with collector(counting(length=4), lanes=3, steps=12, network=network) as collecting:
        rollout = collecting.collect()
    assert torch.equal(rollout.actions, (rollout.obs[:-1, :, 1] >= 2).long())


def test_same_generator_same_actions(counting: Callable[..., EnvSpec]) -> None:
    network = with_probabilities([0.5, 0.5])

    def actions() -> torch.Tensor:
        with collector(counting(), lanes=4, steps=50, network=network) as collecting:
            return collecting.collect().actions

    assert torch.equal(actions(), actions())


def test_times_are_measured(counting: Callable[..., EnvSpec]) -> None:
    with collector(counting(), lanes=2, steps=10) as collecting:
        collecting.collect()
        first = (collecting.environment_seconds, collecting.inference_seconds)
        collecting.collect()
    assert 0 < first[0] < collecting.environment_seconds
    assert 0 < first[1] < collecting.inference_seconds
