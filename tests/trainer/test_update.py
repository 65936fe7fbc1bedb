"""One PPO update: what reaches the loss, in what order, and how far a step may go."""

import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from lander_trainer import TrainConfig
from lander_trainer.network import ActorCritic
from lander_trainer.rollout import Rollout
from lander_trainer.update import Batch, UpdateStatistics, make_batch, update

SEED = 3


def config_of(**values: Any) -> TrainConfig:
    plain = {
        "lanes": 4,
        "rollout_steps": 8,
        "steps": 128,
        "minibatches": 2,
        "epochs": 2,
        "hidden_sizes": (8,),
    }
    return TrainConfig(**(plain | values))


def network_of(seed: int = SEED) -> ActorCritic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorCritic(2, 3, (8,), "tanh")


def generator_of(seed: int = SEED) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def adam(network: ActorCritic) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=0.01)


def rollout_of(steps: int = 8, lanes: int = 4, *, end: str = "terminated") -> Rollout:
    """Random rows; lane n ends at row n + 1, lane 0 also begins with a dummy row."""
    generator = generator_of()
    ends = torch.zeros(steps, lanes, dtype=torch.bool)
    for lane in range(lanes):
        ends[lane + 1, lane] = True
    live = torch.ones(steps, lanes, dtype=torch.bool)
    live[1:] = ~ends[:-1]
    live[0, 0] = False
    nothing = torch.zeros_like(ends)
    rewards = torch.randn(steps, lanes, generator=generator)
    return Rollout(
        obs=torch.randn(steps + 1, lanes, 2, generator=generator),
        actions=torch.randint(0, 3, (steps, lanes), generator=generator),
        rewards=torch.where(live, rewards, 0.0),
        terminated=ends if end == "terminated" else nothing,
        truncated=ends if end == "truncated" else nothing,
        live=live,
    )


def batch_of(rows: int, **columns: Tensor) -> Batch:
    """A batch whose observations hold the row's number; the policy that acted was uniform."""
    numbers = torch.arange(rows, dtype=torch.float32)
    plain = {
        "obs": torch.stack([numbers, torch.ones(rows)], dim=1),
        "actions": torch.arange(rows) % 3,
        "old_log_probs": torch.full((rows,), math.log(1 / 3)),
        "old_values": torch.zeros(rows),
        "advantages": torch.linspace(-1, 1, rows),
        "returns": torch.linspace(-1, 1, rows),
    }
    return Batch(**(plain | columns))


class RecordingNetwork(ActorCritic):
    """Remembers the row numbers of every minibatch that it was asked for logits of."""

    def __init__(self) -> None:
        super().__init__(2, 3, (8,), "tanh")
        self.minibatches: list[list[int]] = []

    def logits(self, obs: Tensor) -> Tensor:
        self.minibatches.append(obs[:, 0].int().tolist())
        return super().logits(obs)


class RecordingSGD(torch.optim.SGD):
    """Plain gradient descent that remembers the rate of every step."""

    def __init__(self, network: ActorCritic) -> None:
        super().__init__(network.parameters(), lr=1.0)
        self.rates: list[float] = []

    def step(self, closure: Any = None) -> Any:
        self.rates.append(self.param_groups[0]["lr"])
        return super().step(closure)


def parameters_of(network: ActorCritic) -> Tensor:
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()


# Dummy rows.


@pytest.mark.parametrize("end", ["terminated", "truncated"])
@pytest.mark.parametrize("gae", [True, False])
def test_dummy_rows_change_nothing(end: str, gae: bool) -> None:
    config = config_of(gae=gae)
    clean = rollout_of(end=end)
    poisoned = Rollout(**{**vars(clean), "rewards": clean.rewards.clone(), "actions": clean.actions.clone()})
    poisoned.rewards[~clean.live] = 1e30
    poisoned.actions[~clean.live] = 2
    learned = []
    for rollout in (clean, poisoned):
        network = network_of()
        batch = make_batch(rollout, network, config)
        statistics = update(network, adam(network), batch, config, 0, generator_of())
        learned.append((batch, statistics, parameters_of(network)))
    (clean_batch, clean_statistics, clean_weights), (batch, statistics, weights) = learned
    assert all(torch.equal(a, b) for a, b in zip(batch, clean_batch, strict=True))
    assert statistics == clean_statistics
    assert torch.equal(weights, clean_weights)


def test_terminal_observation_changes_nothing() -> None:
    # It stands at the dummy row; what the critic thinks of it must not reach the episode before.
    config, network = config_of(), network_of()
    clean = rollout_of()
    poisoned = Rollout(**{**vars(clean), "obs": clean.obs.clone()})
    poisoned.obs[:-1][~clean.live] = 1e6
    batches = [make_batch(rollout, network, config) for rollout in (clean, poisoned)]
    assert all(torch.equal(a, b) for a, b in zip(*batches, strict=True))


def test_batch_holds_the_live_rows_only() -> None:
    rollout = rollout_of()
    batch = make_batch(rollout, network_of(), config_of())
    # 32 rows; four dummies after an end, and the one that begins lane 0
    assert {len(column) for column in batch} == {27}
    assert torch.equal(batch.obs, rollout.obs[:-1][rollout.live])
    assert torch.equal(batch.actions, rollout.actions[rollout.live])


def test_truncated_end_is_worth_what_the_critic_says_of_the_last_observation() -> None:
    config = config_of(gamma=0.5, gae_lambda=0.0, reward_scale=1.0)
    network = network_of()
    rollout = rollout_of(end="truncated")
    batch = make_batch(rollout, network, config)
    with torch.no_grad():
        worth = network.values(rollout.obs[3:4, 1])[0]
    # Lane 1 ends at row 2. Live rows before it, row by row: 3 of row 0 (lane 0 is a dummy) and 4 of row 1.
    assert batch.returns[3 + 4 + 0].item() == pytest.approx((rollout.rewards[2, 1] + 0.5 * worth).item())


def test_rewards_are_scaled_once() -> None:
    network, rollout = network_of(), rollout_of()
    torch.nn.init.zeros_(network.critic[-1].weight)  # all values are 0, so returns are sums of rewards
    whole, scaled = (
        make_batch(rollout, network, config_of(reward_scale=scale)).returns for scale in (1.0, 0.25)
    )
    assert torch.allclose(scaled, 0.25 * whole)


def test_old_log_probs_and_values_are_those_of_the_acting_network() -> None:
    rollout, network = rollout_of(), network_of()
    batch = make_batch(rollout, network, config_of())
    row = 5
    with torch.no_grad():
        probability = network.logits(batch.obs[row : row + 1]).softmax(-1)[0, batch.actions[row]]
        value = network.values(batch.obs[row : row + 1])[0]
    assert batch.old_log_probs[row].exp().item() == pytest.approx(probability.item(), rel=1e-5)
    assert batch.old_values[row].item() == pytest.approx(value.item(), rel=1e-5)
    assert not any(column.requires_grad for column in batch)


# Minibatches.


@pytest.mark.parametrize(("rows", "parts"), [(12, 4), (13, 4), (27, 5), (3, 3), (7, 1)])
def test_minibatches_cover_every_row_exactly_once_an_epoch(rows: int, parts: int) -> None:
    network = RecordingNetwork()
    config = config_of(epochs=3, minibatches=parts)
    update(network, adam(network), batch_of(rows), config, 0, generator_of())
    assert len(network.minibatches) == 3 * parts
    sizes = [len(minibatch) for minibatch in network.minibatches]
    assert max(sizes) - min(sizes) <= 1
    for epoch in range(3):
        seen = [row for part in network.minibatches[epoch * parts : (epoch + 1) * parts] for row in part]
        assert sorted(seen) == list(range(rows))


def test_rows_are_shuffled_anew_every_epoch() -> None:
    network = RecordingNetwork()
    update(network, adam(network), batch_of(30), config_of(minibatches=1), 0, generator_of())
    first, second = network.minibatches
    assert len({tuple(first), tuple(second), tuple(range(30))}) == 3


def test_columns_of_a_row_stay_together() -> None:
    rows = torch.arange(20)
    batch = Batch(*(rows.clone() for _ in range(6))).shuffled(generator_of())
    assert not torch.equal(batch.obs, rows)
    for part in batch.split(3):
        assert all(torch.equal(column, part.obs) for column in part)


def test_order_depends_on_the_generator_alone() -> None:
    orders = []
    for seed in (1, 1, 2):
        network = RecordingNetwork()
        update(network, adam(network), batch_of(30), config_of(), 0, generator_of(seed))
        orders.append(network.minibatches)
    assert orders[0] == orders[1] != orders[2]


def test_fewer_live_rows_than_minibatches_are_no_disaster() -> None:
    # 4 x 8 rows may be cut into 32 minibatches, and dummies leave fewer rows than that.
    config = config_of(minibatches=32)
    network = network_of()
    batch = make_batch(rollout_of(), network, config)
    assert len(batch.actions) == 27
    statistics = update(network, adam(network), batch, config, 0, generator_of())
    assert math.isfinite(statistics.policy_loss)
    assert torch.isfinite(parameters_of(network)).all()


def test_advantages_are_normalised_in_each_minibatch_unless_switched_off() -> None:
    # All rows take the same action and the raw advantages are all +100: normalised they are all 0.
    same = {"actions": torch.zeros(8, dtype=torch.int64), "advantages": torch.full((8,), 100.0)}
    config = config_of(entropy_coef=0.0, value_coef=0.0, minibatches=1, epochs=1)
    gradients = {}
    for normalised in (True, False):
        network = network_of()
        changed = config.with_values({"normalize_advantages": normalised})
        statistics = update(network, adam(network), batch_of(8, **same), changed, 0, generator_of())
        gradients[normalised] = statistics.grad_norm
    assert gradients[True] == pytest.approx(0.0, abs=1e-6)
    assert gradients[False] > 1.0


# How far a step may go.


def test_rate_follows_the_schedule_and_decays_with_the_epochs() -> None:
    network = network_of()
    optimizer = RecordingSGD(network)
    config = config_of(learning_rate=0.5, anneal="linear", epoch_decay=0.5)
    # 128 steps of 4 x 8 rows are 4 updates; in update 1 of 0 to 3 the rate is 0.5 * 3/4.
    statistics = update(network, optimizer, batch_of(12), config, 1, generator_of())
    assert optimizer.rates == [0.375, 0.375, 0.1875, 0.1875]
    assert statistics.learning_rate == 0.375


@pytest.mark.parametrize("limit", [0.01, 0.1])
def test_gradient_is_scaled_down_to_the_limit(limit: float) -> None:
    network = network_of()
    before = parameters_of(network)
    config = config_of(learning_rate=1.0, anneal="none", minibatches=1, epochs=1, max_grad_norm=limit)
    statistics = update(network, RecordingSGD(network), batch_of(12), config, 0, generator_of())
    assert statistics.grad_norm > limit  # as it was before
    # plain gradient descent at rate 1: the step is the gradient
    assert (parameters_of(network) - before).norm().item() == pytest.approx(limit, rel=1e-3)


def test_gradient_below_the_limit_is_left_alone() -> None:
    network = network_of()
    before = parameters_of(network)
    config = config_of(learning_rate=1.0, anneal="none", minibatches=1, epochs=1, max_grad_norm=1e6)
    statistics = update(network, RecordingSGD(network), batch_of(12), config, 0, generator_of())
    assert (parameters_of(network) - before).norm().item() == pytest.approx(statistics.grad_norm, rel=1e-4)


def test_kl_stop_ends_the_update_after_the_epoch_that_went_too_far() -> None:
    bold = {"learning_rate": 0.05, "epochs": 6}
    epochs = {}
    for target in (None, 1e-9, 100.0):
        network = RecordingNetwork()
        config = config_of(target_kl=target, **bold)
        statistics = update(network, adam(network), batch_of(24), config, 0, generator_of())
        assert len(network.minibatches) == 2 * statistics.epochs
        epochs[target] = statistics.epochs
    assert epochs == {None: 6, 1e-9: 1, 100.0: 6}


def test_kl_stop_judges_each_epoch_by_itself() -> None:
    config = config_of(learning_rate=0.03, epochs=6)

    def run(**values: Any) -> UpdateStatistics:
        return update(*_fresh(), batch_of(24), config.with_values(values), 0, generator_of())

    # What is reported is the mean over the epochs, so differences give the epochs themselves.
    totals = [0.0, *(epochs * run(epochs=epochs).approx_kl for epochs in (1, 2, 3))]
    first, second, third = (after - before for before, after in pairwise(totals))
    # About 0.0127, 0.0074 and 0.0170: with a target between the largest two, neither the sum nor the
    # mean so far would stop after the third epoch.
    target = (max(first, second) + third) / 2
    assert totals[2] > target > totals[3] / 3
    assert run(target_kl=target).epochs == 3


def _fresh() -> tuple[ActorCritic, torch.optim.Optimizer]:
    network = network_of()
    return network, adam(network)


def test_statistics_are_means_over_the_minibatches() -> None:
    # One epoch at a negligible rate leaves the weights alone, so the halves average to the whole.
    config = config_of(learning_rate=1e-12, epochs=1, normalize_advantages=False)
    batch = batch_of(24, advantages=torch.linspace(0, 2, 24))
    whole, halves = (
        update(*_fresh(), batch, config.with_values({"minibatches": parts}), 0, generator_of())
        for parts in (1, 2)
    )
    for name in ("policy_loss", "value_loss", "entropy"):
        assert getattr(halves, name) == pytest.approx(getattr(whole, name), rel=1e-4)


def test_explained_variance_is_that_of_the_critic_before_the_update() -> None:
    batch = batch_of(12)
    batch = batch._replace(old_values=batch.returns + 3.0)
    assert update(*_fresh(), batch, config_of(), 0, generator_of()).explained_variance == pytest.approx(1.0)


def test_update_makes_well_paid_actions_likelier_and_values_truer() -> None:
    network = network_of()
    config = config_of(epochs=10, learning_rate=0.01, normalize_advantages=False)
    good = torch.zeros(24, dtype=torch.int64)
    batch = batch_of(24, actions=good, advantages=torch.ones(24), returns=torch.full((24,), 2.0))
    batch = batch._replace(obs=torch.ones(24, 2))
    before = copy.deepcopy(network)
    update(network, adam(network), batch, config, 0, generator_of())
    with torch.no_grad():
        assert network.logits(batch.obs).softmax(-1)[0, 0] > before.logits(batch.obs).softmax(-1)[0, 0]
        error = (network.values(batch.obs) - 2.0).abs()
        assert torch.all(error < (before.values(batch.obs) - 2.0).abs())
