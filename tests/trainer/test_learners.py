"""Both learners: the same update, limits that hold, state that survives, and errors that name the place."""

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lander_runtime.errors import InputRefused, UsageError
from lander_trainer import TrainConfig
from lander_trainer.batch import epoch_order
from lander_trainer.learners import Learner, NotFinite, UpdateStatistics, choose_learner, open_learner
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.autograd import AutogradLearner
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.learners.handwritten import HandwrittenLearner
from lander_trainer.network import ActorCritic
from lander_trainer.remote import Here, Remote
from lander_trainer.rollout import Rollout
from trainer_rollouts import config_of, rollout_of

NAMES = ["handwritten", "autograd"]
SEED = 3


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Either learner: what both promise."""
    return request.param


def learner_of(name: str, config: TrainConfig | None = None, *, bold: bool = True) -> Learner:
    """A learner on a network of 2 inputs and 3 actions; `bold` ones are far from uniform."""
    config = dataclasses.replace(config or config_of(), learner=name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = ActorCritic(2, 3, config.hidden_sizes, config.activation)
    if bold:
        with torch.no_grad():
            network.actor[-1].weight.mul_(100.0)
    return open_learner(config, network)


def acted(learner: Learner, **options: Any) -> Rollout:
    """`rollout_of` under the policy of `learner`, as training has it."""
    rollout = rollout_of(**options)
    logits = np.stack([learner.logits(obs).copy() for obs in rollout.obs[:-1]])
    return dataclasses.replace(rollout, logits=logits)


def update(learner: Learner, rollout: Rollout, rate: float = 0.01, seed: int = SEED) -> UpdateStatistics:
    return learner.update(rollout, rate, np.random.default_rng(seed))


def parameters_of(learner: Learner) -> Tensor:
    return torch.nn.utils.parameters_to_vector(learner.network.parameters()).detach().clone()


# Two ways to the same weights.

CASES = {
    "as it comes": {},
    "relu": {"activation": "relu"},
    "clipped values": {"clip_value": True, "clip_range": 0.05},
    "narrow clip": {"clip_range": 0.01, "epochs": 4},
    "much entropy": {"entropy_coef": 0.5},
    "epochs that decay": {"epochs": 4, "epoch_decay": 0.5},
    "advantages as they are": {"normalize_advantages": False},
    "minibatches that do not divide the rows": {"minibatches": 5},
    "more minibatches than live rows": {"minibatches": 32},
    "one minibatch": {"minibatches": 1},
    "a tight limit": {"max_grad_norm": 0.01},
    "no limit": {"max_grad_norm": 1e6},
    "plain returns": {"gae": False},
    "three layers": {"hidden_sizes": (8, 7, 6)},
    "a stop": {"target_kl": 0.003, "epochs": 6},
}


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_both_learners_do_the_same(values: dict[str, Any]) -> None:
    config = config_of(**values)
    learners = [learner_of(name, config) for name in NAMES]
    before = parameters_of(learners[0])
    for seed, end in enumerate(("terminated", "truncated", "terminated")):
        rollout = acted(learners[0], end=end, seed=seed)
        one, other = (update(learner, rollout, seed=seed) for learner in learners)
        assert one.means == pytest.approx(other.means, rel=1e-4, abs=1e-5)
        assert one[1:] == pytest.approx(other[1:], rel=1e-4, abs=1e-5)
        weights = [parameters_of(learner) for learner in learners]
        assert torch.allclose(*weights, rtol=1e-5, atol=1e-5)
    assert (weights[0] - before).abs().max() > 1e-3


def test_both_act_and_judge_alike() -> None:
    one, other = (learner_of(name) for name in NAMES)
    obs = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    expected = one.network.logits(torch.from_numpy(obs)).detach().numpy()
    assert np.allclose(one.logits(obs), expected, rtol=1e-5, atol=1e-6)
    assert np.allclose(other.logits(obs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, np.int64])
def test_observations_may_be_other_numbers(name: str, dtype: type) -> None:
    whole = np.round(rollout_of().obs * 3).clip(0, 255)
    results = []
    for kind in (np.float32, dtype):
        learner = learner_of(name)
        rollout = dataclasses.replace(rollout_of(), obs=whole.astype(kind))
        update(learner, rollout)
        results.append(parameters_of(learner))
    assert torch.equal(*results)


# Dummy rows.


@pytest.mark.parametrize("end", ["terminated", "truncated"])
def test_dummy_rows_change_nothing(name: str, end: str) -> None:
    learned = []
    for poison in (False, True):
        learner = learner_of(name)
        rollout = acted(learner, end=end)
        if poison:
            rewards, actions = rollout.rewards.copy(), rollout.actions.copy()
            rewards[~rollout.live], actions[~rollout.live] = 1e30, 2
            rollout = dataclasses.replace(rollout, rewards=rewards, actions=actions)
        learned.append((update(learner, rollout), parameters_of(learner)))
    assert learned[0][0] == learned[1][0]
    assert torch.equal(learned[0][1], learned[1][1])


# How far a step may go.


def test_order_of_the_rows_depends_on_the_generator_alone(name: str) -> None:
    results = []
    for seed in (1, 1, 2):
        learner = learner_of(name)
        update(learner, acted(learner), seed=seed)
        results.append(parameters_of(learner))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def first_step(name: str, **values: Any) -> tuple[UpdateStatistics, Tensor, Tensor]:
    """One update of one minibatch: its statistics, and the gradients of actor and critic as Adam saw them.

    They are read from Adam's first moment, which is a tenth of them then.
    """
    learner = learner_of(name, config_of(minibatches=1, epochs=1, **values))
    statistics = update(learner, acted(learner))
    state = learner.state()
    names = [key for key, _ in learner.network.named_parameters()]
    actor, critic = (
        torch.cat(
            [
                state[f"optimizer.{index}.exp_avg"].reshape(-1) / 0.1
                for index, key in enumerate(names)
                if key.startswith(network)
            ]
        )
        for network in ("actor.", "critic.")
    )
    return statistics, actor, critic


@pytest.mark.parametrize("limit", [0.001, 0.01])
def test_gradient_is_scaled_down_to_the_limit(name: str, limit: float) -> None:
    # Each network on its own: the critic's errors, large at the start, must not shorten the actor's steps.
    statistics, actor, critic = first_step(name, max_grad_norm=limit)
    assert statistics.means.grad_norm > limit  # as it was before
    assert actor.norm().item() == pytest.approx(limit, rel=1e-3)
    assert critic.norm().item() == pytest.approx(limit, rel=1e-3)


def test_gradient_below_the_limit_is_left_alone(name: str) -> None:
    statistics, actor, critic = first_step(name, max_grad_norm=1e6)
    assert torch.cat([actor, critic]).norm().item() == pytest.approx(statistics.means.grad_norm, rel=1e-4)


def test_rate_decays_with_the_epochs(name: str) -> None:
    # Adam's first step is one rate long in every weight that has a gradient. A decay of next to nothing
    # leaves the second epoch without effect.
    moved = []
    for epochs in (1, 2):
        config = config_of(minibatches=1, epochs=epochs, epoch_decay=1e-6)
        learner = learner_of(name, config)
        before = parameters_of(learner)
        assert update(learner, acted(learner), rate=0.5).learning_rate == 0.5
        moved.append(parameters_of(learner) - before)
    assert moved[0].abs().max().item() == pytest.approx(0.5, rel=1e-2)
    assert torch.allclose(*moved, atol=1e-5)


def test_kl_stop_ends_the_update_after_the_epoch_that_went_too_far(name: str) -> None:
    epochs = {}
    for target in (None, 1e-9, 100.0):
        learner = learner_of(name, config_of(target_kl=target, epochs=6))
        statistics = update(learner, acted(learner), rate=0.05)
        # Two minibatches an epoch, and no step beyond those that are counted.
        assert learner.state()["optimizer.0.step"].item() == 2 * statistics.epochs
        epochs[target] = statistics.epochs
    assert epochs == {None: 6, 1e-9: 1, 100.0: 6}


def test_kl_stop_leaves_what_the_last_counted_epoch_left(name: str) -> None:
    stopped = learner_of(name, config_of(target_kl=1e-9, epochs=6))
    single = learner_of(name, config_of(epochs=1))
    rollout = acted(stopped)
    assert update(stopped, rollout, rate=0.05).means == pytest.approx(
        update(single, rollout, rate=0.05).means
    )
    assert torch.equal(parameters_of(stopped), parameters_of(single))


def test_kl_stop_judges_each_epoch_by_itself(name: str) -> None:
    def run(**values: Any) -> UpdateStatistics:
        learner = learner_of(name, config_of(**values), bold=False)
        return update(learner, acted(learner), rate=0.03)

    # What is reported is the mean over the epochs, so differences give the epochs themselves.
    totals = [0.0, *(epochs * run(epochs=epochs).means.approx_kl for epochs in range(1, 7))]
    each = [after - before for before, after in pairwise(totals)]
    # The first epoch that exceeds all before it by so much that neither their mean nor their sum
    # has the same say as the epoch alone.
    late = max(range(1, 6), key=lambda epoch: each[epoch] - max(each[:epoch]))
    target = (max(each[:late]) + each[late]) / 2
    assert each[late] > target > max(each[:late])
    assert totals[late + 1] / (late + 1) < target < totals[late] or late == 1
    assert run(epochs=6, target_kl=target).epochs == late + 1


# What is reported.


def test_statistics_are_means_over_the_minibatches(name: str) -> None:
    # One epoch at a negligible rate leaves the weights alone, so the halves average to the whole: 32 rows
    # without a dummy among them.
    rollout = rollout_of(end="none")
    rollout = dataclasses.replace(rollout, live=np.ones_like(rollout.live))
    found = []
    for parts in (1, 2):
        config = config_of(epochs=1, normalize_advantages=False, minibatches=parts)
        found.append(update(learner_of(name, config), rollout, rate=1e-12))
    for field in ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction"):
        assert getattr(found[0].means, field) == pytest.approx(getattr(found[1].means, field), rel=1e-4), (
            field
        )


def test_first_look_at_a_policys_own_rollout(name: str) -> None:
    learner = learner_of(name, config_of(epochs=1, minibatches=1))
    rollout = acted(learner)
    statistics = update(learner, rollout)
    # Nothing has changed yet: all ratios are 1, and normalised advantages average to 0.
    assert statistics.means.approx_kl == pytest.approx(0.0, abs=1e-6)
    assert statistics.means.clip_fraction == 0.0
    assert statistics.means.policy_loss == pytest.approx(0.0, abs=0.3)
    chances = torch.distributions.Categorical(logits=torch.from_numpy(rollout.logits[rollout.live]))
    assert statistics.means.entropy == pytest.approx(chances.entropy().mean().item(), rel=0.2)


def test_explained_variance_is_that_of_the_critic_before_the_update(name: str) -> None:
    # Every return is the reward alone, and the critic is made to say a third of it.
    config = config_of(gamma=0.0, hidden_sizes=(1,), activation="relu", minibatches=1, epochs=1)
    learner = learner_of(name, config)
    with torch.no_grad():
        for parameter, value in zip(
            learner.network.critic.parameters(), ([[1.0, 0.0]], [0.0], [[0.5]], [0.0]), strict=True
        ):
            parameter.copy_(torch.tensor(value))
    obs = np.abs(rollout_of().obs)
    rollout = dataclasses.replace(rollout_of(end="none"), obs=obs, rewards=obs[:-1, :, 0])
    # Errors are half the returns: 1 - (1/2)^2
    assert update(learner, rollout, rate=0.1).explained_variance == pytest.approx(0.75, rel=1e-4)


def test_update_makes_well_paid_actions_likelier_and_values_truer(name: str) -> None:
    config = config_of(epochs=10, gamma=0.0, normalize_advantages=False)
    learner = learner_of(name, config)
    rollout = acted(learner)
    obs, paid = np.ones_like(rollout.obs), np.where(rollout.actions == 0, 3.0, 0.0).astype(np.float32)
    logits = np.broadcast_to(learner.logits(obs[0, :1]), rollout.logits.shape).copy()
    rollout = dataclasses.replace(rollout, obs=obs, rewards=paid, logits=logits)

    def chance_and_error() -> tuple[float, float]:
        with torch.no_grad():
            one = torch.ones(1, 2)
            chance = learner.network.logits(one).softmax(-1)[0, 0].item()
            return chance, abs(learner.network.values(one).item() - paid[rollout.live].mean())

    (chance, error), _ = chance_and_error(), update(learner, rollout)
    after = chance_and_error()
    assert after[0] > chance
    assert after[1] < error


def test_update_that_runs_out_of_rows_is_no_disaster(name: str) -> None:
    # One live row in all, in more minibatches than that.
    rollout = rollout_of()
    live = np.zeros_like(rollout.live)
    live[3, 2] = True
    learner = learner_of(name, config_of(minibatches=32))
    statistics = update(learner, dataclasses.replace(rollout, live=live))
    assert math.isnan(statistics.explained_variance)
    assert all(math.isfinite(value) for value in statistics.means)
    assert torch.isfinite(parameters_of(learner)).all()


# Adam.


def test_adam_is_pytorchs() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=40).astype(np.float32)
    parameter = torch.nn.Parameter(torch.from_numpy(values.copy()))
    mine, theirs = Adam(values, 1e-5), torch.optim.Adam([parameter], eps=1e-5)
    for step in range(30):
        # From vanishing to large, so that the epsilon counts and the moments are not level.
        gradient = (rng.normal(size=40) * 10.0 ** rng.uniform(-8, 2, 40)).astype(np.float32)
        rate = 0.01 / (1 + step)
        parameter.grad = torch.from_numpy(gradient.copy())
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
        mine.step(gradient, rate)
        assert np.allclose(values, parameter.detach().numpy(), rtol=1e-5, atol=1e-6)
    state = theirs.state[parameter]
    assert mine.steps == state["step"].item() == 30
    assert np.allclose(mine.exp_avg, state["exp_avg"].numpy(), rtol=1e-4, atol=1e-7)
    assert np.allclose(mine.exp_avg_sq, state["exp_avg_sq"].numpy(), rtol=1e-4, atol=1e-9)


# State.


def test_restored_learner_goes_on_bit_for_bit(name: str) -> None:
    first = learner_of(name)
    for seed in range(3):
        update(first, acted(first, seed=seed), seed=seed)
    second = learner_of(name)
    second.network.load_state_dict(first.network.state_dict())
    second.restore(first.state())
    bare = learner_of(name)
    bare.network.load_state_dict(first.network.state_dict())
    rollout = acted(first, seed=5)
    for learner in (first, second, bare):
        update(learner, rollout, seed=5)
    assert torch.equal(parameters_of(first), parameters_of(second))
    assert states_equal(first.state(), second.state())
    # The state matters, or the lines above would show nothing.
    assert not torch.equal(parameters_of(first), parameters_of(bare))


def states_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_fresh_learner_has_a_state_that_changes_nothing(name: str) -> None:
    fresh, restored = learner_of(name), learner_of(name)
    restored.restore(fresh.state())
    assert states_equal(fresh.state(), restored.state())
    rollout = acted(fresh)
    for learner in (fresh, restored):
        update(learner, rollout)
    assert torch.equal(parameters_of(fresh), parameters_of(restored))


@pytest.mark.parametrize("source", NAMES)
def test_either_learner_goes_on_with_the_others_state(name: str, source: str) -> None:
    first = learner_of(source)
    update(first, acted(first))
    second = learner_of(name)
    second.network.load_state_dict(first.network.state_dict())
    second.restore(first.state())
    assert states_equal(first.state(), second.state())
    rollout = acted(first, seed=8)
    for learner in (first, second):
        update(learner, rollout, seed=8)
    assert torch.allclose(parameters_of(first), parameters_of(second), atol=1e-5)


def test_state_is_named_as_pytorch_names_it_and_copied(name: str) -> None:
    learner = learner_of(name)
    update(learner, acted(learner))
    state = learner.state()
    for index, parameter in enumerate(learner.network.parameters()):
        assert state[f"optimizer.{index}.exp_avg"].shape == parameter.shape
        assert state[f"optimizer.{index}.exp_avg_sq"].shape == parameter.shape
    assert len(state) == 3 * len(list(learner.network.parameters()))
    kept = {key: tensor.clone() for key, tensor in state.items()}
    update(learner, acted(learner, seed=4))
    assert states_equal(state, kept)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("optimizer.0.exp_avg"),
        lambda state: state.pop("optimizer.1.step"),
        lambda state: state.update({"optimizer.0.exp_avg": torch.zeros(3)}),
        lambda state: state.update({"optimizer.0.exp_avg.more": torch.zeros(3)}),
        lambda state: state.update({"optimizer.first.exp_avg": torch.zeros(3)}),
        lambda state: state.clear(),
    ],
    ids=["missing", "no steps", "wrong size", "too many parts", "no number", "nothing"],
)
def test_state_that_does_not_fit_is_refused(name: str, change: Callable[[Any], Any]) -> None:
    learner = learner_of(name)
    update(learner, acted(learner))
    state = learner.state()
    change(state)
    with pytest.raises(InputRefused, match="optimiser's state"):
        learner.restore(state)


# The network is the learner's, always.


def test_network_always_shows_the_current_weights(name: str) -> None:
    learner = learner_of(name)
    before = {key: tensor.clone() for key, tensor in learner.network.state_dict().items()}
    update(learner, acted(learner))
    after = learner.network.state_dict()
    assert not any(torch.equal(before[key], after[key]) for key in before)
    obs = rollout_of().obs[0]
    expected = learner.network.logits(torch.from_numpy(obs)).detach().numpy()
    assert np.allclose(learner.logits(obs), expected, rtol=1e-5, atol=1e-6)


def test_weights_put_into_the_network_are_those_that_act_and_learn(name: str) -> None:
    trained, loaded = learner_of(name), learner_of(name)
    update(trained, acted(trained))
    loaded.network.load_state_dict(trained.network.state_dict())
    obs = rollout_of().obs[0]
    assert np.array_equal(trained.logits(obs), loaded.logits(obs))
    loaded.restore(trained.state())
    rollout = acted(trained, seed=4)
    for learner in (trained, loaded):
        update(learner, rollout)
    assert torch.equal(parameters_of(trained), parameters_of(loaded))


def test_flat_parameters_are_views() -> None:
    network = ActorCritic(2, 3, (8,), "tanh")
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    flat = FlatParameters.of(network)
    assert flat.names == tuple(key for key, _ in network.named_parameters())
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
    flat.values.zero_()
    assert not any(parameter.any() for parameter in network.parameters())
    (network.logits(torch.ones(1, 2)).sum() + network.values(torch.ones(1, 2)).sum()).backward()
    last = flat.split(flat.gradients)[flat.names.index("actor.2.bias")]
    assert torch.equal(last, torch.ones(3))


# Numbers that are none.


@pytest.mark.parametrize("column", ["obs", "rewards"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rollout_with_a_broken_number_is_refused_by_name(name: str, column: str, value: float) -> None:
    learner = learner_of(name)
    before, state = parameters_of(learner), learner.state()
    rollout = acted(learner)
    broken = getattr(rollout, column).copy()
    broken[5, 1] = value
    expected = {"obs": "observations", "rewards": "rewards"}[column]
    with pytest.raises(NotFinite, match=f"^{expected}$"):
        update(learner, dataclasses.replace(rollout, **{column: broken}))
    assert torch.equal(parameters_of(learner), before)
    assert states_equal(learner.state(), state)


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_broken_weight_of_the_actor_is_found_in_its_gradients(name: str, layer: int, value: float) -> None:
    learner = learner_of(name, config_of(activation="relu"))
    rollout = acted(learner)
    with torch.no_grad():
        learner.network.actor[layer].weight[0, 0] = value
    with pytest.raises(NotFinite, match=r"^gradient of .*actor\.2\.weight") as caught:
        update(learner, rollout)
    assert "critic" not in str(caught.value)


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_broken_weight_of_the_critic_is_found_in_its_values(name: str, layer: int, value: float) -> None:
    # Before it reaches the advantages and with them every gradient.
    learner = learner_of(name, config_of(activation="relu"))
    rollout = acted(learner)
    with torch.no_grad():
        learner.network.critic[layer].weight[0, 0] = value
    before = parameters_of(learner)
    with pytest.raises(NotFinite, match=r"^values$"):
        update(learner, rollout)
    assert torch.equal(parameters_of(learner).nan_to_num(), before.nan_to_num())


def test_loss_that_leaves_the_range_of_numbers_is_found(name: str) -> None:
    # An error of 3e19 has a square that float32 cannot hold, but a gradient that it can.
    learner = learner_of(name, config_of(minibatches=1, gamma=0.0, reward_scale=1.0, value_coef=1e-6))
    rollout = acted(learner)
    rewards = np.where(rollout.live, np.float32(3e19), np.float32(0))
    with pytest.raises(NotFinite, match="value loss"):
        update(learner, dataclasses.replace(rollout, rewards=rewards))


def test_gradient_whose_norm_alone_is_infinite_is_found(name: str) -> None:
    learner = learner_of(name, config_of(minibatches=1, gamma=0.0, value_coef=100.0))
    rollout = acted(learner)
    rewards = np.where(rollout.live, np.float32(1e19), np.float32(0))
    with pytest.raises(NotFinite, match="norm of the gradient"):
        update(learner, dataclasses.replace(rollout, rewards=rewards))


def test_first_gradient_that_breaks_is_the_one_that_is_named() -> None:
    # The first minibatch breaks the actor's gradient, the second the norm of everything.
    config = config_of(minibatches=2, epochs=1, gamma=0.0, value_coef=100.0, normalize_advantages=False)
    learner = learner_of("autograd", config)
    rollout = acted(learner, end="none")
    rollout = dataclasses.replace(rollout, live=np.ones_like(rollout.live))
    order = epoch_order(rollout.live.size, config, np.random.default_rng(SEED))
    logits, rewards = rollout.logits.copy(), rollout.rewards.copy()
    logits.reshape(-1, 3)[order[0]] = math.nan
    rewards.reshape(-1)[order[-1]] = 1e19
    with pytest.raises(NotFinite, match=r"^gradient of actor\.0\.weight"):
        update(learner, dataclasses.replace(rollout, logits=logits, rewards=rewards))


# Which learner a setting means.


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({}, "handwritten"),
        ({"activation": "relu"}, "handwritten"),
        ({"activation": "elu"}, "autograd"),
        ({"activation": "silu"}, "autograd"),
        ({"device": "cuda"}, "autograd"),
        ({"learner": "autograd"}, "autograd"),
        ({"learner": "handwritten"}, "handwritten"),
    ],
    ids=str,
)
def test_auto_takes_what_works_here(values: dict[str, Any], taken: str) -> None:
    assert choose_learner(config_of(**values)) == taken


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"device": "cuda"}, "CPU"), ({"activation": "elu"}, "tanh and relu")],
)
def test_handwritten_learner_is_refused_where_it_does_not_work(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=f"{reason}.*learner=autograd"):
        choose_learner(config_of(learner="handwritten", **values))


@pytest.mark.parametrize("activation", ["elu", "silu"])
def test_autograd_learns_with_any_activation(activation: str) -> None:
    learner = learner_of("autograd", config_of(activation=activation))
    before = parameters_of(learner)
    update(learner, acted(learner))
    assert not torch.equal(parameters_of(learner), before)


@pytest.mark.parametrize(
    ("asked", "kind"), [("handwritten", HandwrittenLearner), ("autograd", AutogradLearner)]
)
def test_learner_is_the_one_that_was_asked_for(asked: str, kind: type) -> None:
    assert isinstance(learner_of(asked), kind)


# The critic in a process of its own.


def test_critic_in_a_process_of_its_own_changes_nothing() -> None:
    config = config_of(lanes=16, rollout_steps=128, epochs=4, minibatches=4)
    here, there = (learner_of("handwritten", dataclasses.replace(config, workers=n)) for n in (1, 2))
    try:
        assert isinstance(there._critic, Remote)
        rollout = acted(here)
        for _ in range(2):
            assert update(here, rollout) == update(there, rollout)
        there.restore(here.state())
        assert update(here, rollout) == update(there, rollout)
        assert torch.equal(parameters_of(here), parameters_of(there))
        assert states_equal(here.state(), there.state())
    finally:
        there.close()
    assert there._critic._process.poll() == 0


def test_small_update_keeps_its_critic_here() -> None:
    learner = learner_of("handwritten", config_of(workers=2))
    assert isinstance(learner._critic, Here)
    learner.close()


def test_broken_number_in_another_process_arrives_by_name() -> None:
    # An error of 1e19 times 100 leaves the range of numbers in the gradient's norm, which only the critic's
    # process sees.
    config = config_of(lanes=16, rollout_steps=128, epochs=4, minibatches=1, gamma=0.0, value_coef=100.0)
    learner = learner_of("handwritten", dataclasses.replace(config, workers=2))
    rollout = acted(learner)
    rewards = np.where(rollout.live, np.float32(1e19), np.float32(0))
    try:
        with pytest.raises(NotFinite, match="norm of the gradient"):
            update(learner, dataclasses.replace(rollout, rewards=rewards))
    finally:
        learner.close()
