"""Updates: the same in both learners, within their limits, with correct statistics."""

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import Space
from lander_trainer.learners import UpdateStatistics, choose_learner
from lander_trainer.learners.autograd import AutogradLearner
from lander_trainer.learners.handwritten import HandwrittenLearner
from trainer_learners import COMPILED, NAMES, acted, learner_of, parameters_of, update
from trainer_rollouts import config_of, rollout_of

VECTOR = Space("Box", (2,), "float32")

# Three ways to the same weights.

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
@pytest.mark.parametrize("fast", [name for name in NAMES if name != "autograd"])
def test_fast_learners_do_what_autograd_does(fast: str, values: dict[str, Any]) -> None:
    config = config_of(**values)
    learners = [learner_of(name, config) for name in (fast, "autograd")]
    before = parameters_of(learners[0])
    for seed, end in enumerate(("terminated", "truncated", "terminated")):
        rollout = acted(learners[0], end=end, seed=seed)
        one, other = (update(learner, rollout, seed=seed) for learner in learners)
        assert one.means == pytest.approx(other.means, rel=1e-4, abs=1e-5)
        assert one[1:] == pytest.approx(other[1:], rel=1e-4, abs=1e-5)
        weights = [parameters_of(learner) for learner in learners]
        assert torch.allclose(*weights, rtol=1e-5, atol=1e-5)
    assert (weights[0] - before).abs().max() > 1e-3


def test_all_give_the_outputs_of_the_network(name: str) -> None:
    learner = learner_of(name)
    obs = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    expected = learner.network.outputs(torch.from_numpy(obs)).detach().numpy()
    assert np.allclose(learner.forward(obs)[0], expected, rtol=1e-5, atol=1e-6)


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


def test_kl_stop_ends_the_update_after_the_epoch_that_exceeds_it(name: str) -> None:
    epochs = {}
    for target in (None, 1e-9, 100.0):
        learner = learner_of(name, config_of(target_kl=target, epochs=6))
        statistics = update(learner, acted(learner), rate=0.05)
        # Two minibatches an epoch, and no step beyond those that are counted.
        assert learner.state()["optimizer.0.step"].item() == 2 * statistics.epochs
        epochs[target] = statistics.epochs
    assert epochs == {None: 6, 1e-9: 1, 100.0: 6}


def test_kl_stop_keeps_the_weights_of_the_last_counted_epoch(name: str) -> None:
    stopped = learner_of(name, config_of(target_kl=1e-9, epochs=6))
    single = learner_of(name, config_of(epochs=1))
    rollout = acted(stopped)
    assert update(stopped, rollout, rate=0.05).means == pytest.approx(
        update(single, rollout, rate=0.05).means
    )
    assert torch.equal(parameters_of(stopped), parameters_of(single))


def test_kl_stop_measures_each_epoch_separately(name: str) -> None:
    def run(**values: Any) -> UpdateStatistics:
        learner = learner_of(name, config_of(**values), bold=False)
        return update(learner, acted(learner), rate=0.03)

    # What is reported is the mean over the epochs, so differences give the epochs themselves.
    totals = [0.0, *(epochs * run(epochs=epochs).means.approx_kl for epochs in range(1, 7))]
    each = [after - before for before, after in pairwise(totals)]
    # The first epoch that exceeds all before it by so much that neither their mean nor their sum would stop
    # at the same place as the epoch alone.
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


def test_first_pass_over_the_policys_own_rollout(name: str) -> None:
    learner = learner_of(name, config_of(epochs=1, minibatches=1))
    rollout = acted(learner)
    statistics = update(learner, rollout)
    # Nothing has changed yet: all ratios are 1, and normalised advantages average to 0.
    assert statistics.means.approx_kl == pytest.approx(0.0, abs=1e-6)
    assert statistics.means.clip_fraction == 0.0
    assert statistics.means.policy_loss == pytest.approx(0.0, abs=0.3)
    chances = torch.distributions.Categorical(logits=torch.from_numpy(rollout.outputs[rollout.live]))
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


def test_update_makes_well_paid_actions_likelier_and_values_more_accurate(name: str) -> None:
    config = config_of(epochs=10, gamma=0.0, normalize_advantages=False)
    learner = learner_of(name, config)
    rollout = acted(learner)
    obs, paid = np.ones_like(rollout.obs), np.where(rollout.actions == 0, 3.0, 0.0).astype(np.float32)
    logits = np.broadcast_to(learner.forward(obs[0, :1])[0], rollout.outputs.shape).copy()
    rollout = dataclasses.replace(rollout, obs=obs, rewards=paid, outputs=logits)

    def chance_and_error() -> tuple[float, float]:
        with torch.no_grad():
            one = torch.ones(1, 2)
            chance = learner.network.outputs(one).softmax(-1)[0, 0].item()
            return chance, abs(learner.network.values(one).item() - paid[rollout.live].mean())

    (chance, error), _ = chance_and_error(), update(learner, rollout)
    after = chance_and_error()
    assert after[0] > chance
    assert after[1] < error


def test_update_with_fewer_rows_than_minibatches_works(name: str) -> None:
    # One live row in all, in more minibatches than that.
    rollout = rollout_of()
    live = np.zeros_like(rollout.live)
    live[3, 2] = True
    learner = learner_of(name, config_of(minibatches=32))
    statistics = update(learner, dataclasses.replace(rollout, live=live))
    assert math.isnan(statistics.explained_variance)
    assert all(math.isfinite(value) for value in statistics.means)
    assert torch.isfinite(parameters_of(learner)).all()


# Which learner a setting means.


FASTEST = NAMES[0]


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({}, FASTEST),
        ({"activation": "relu"}, FASTEST),
        ({"activation": "elu"}, "autograd"),
        ({"activation": "silu"}, "autograd"),
        ({"device": "cuda"}, "autograd"),
        ({"learner": "autograd"}, "autograd"),
        ({"learner": "handwritten"}, "handwritten"),
    ],
    ids=str,
)
def test_auto_takes_what_works_here(values: dict[str, Any], taken: str) -> None:
    assert choose_learner(config_of(**values), VECTOR) == taken


@pytest.mark.parametrize("asked", ["compiled", "handwritten"])
@pytest.mark.parametrize(
    ("values", "reason"),
    [({"device": "cuda"}, "CPU"), ({"activation": "elu"}, "tanh and relu")],
)
def test_fast_learner_is_refused_where_it_does_not_work(
    asked: str, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=f"The {asked} learner .*{reason}.*learner=autograd"):
        choose_learner(config_of(learner=asked, **values), VECTOR)


def test_where_nothing_is_compiled_numpy_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lander_trainer.learners.why_unavailable", lambda: "no compiler was found")
    assert choose_learner(config_of(), VECTOR) == "handwritten"
    with pytest.raises(MachineLacks, match=r"no compiler was found.*learner=handwritten"):
        choose_learner(config_of(learner="compiled"), VECTOR)


@pytest.mark.parametrize("activation", ["elu", "silu"])
def test_autograd_learns_with_any_activation(activation: str) -> None:
    learner = learner_of("autograd", config_of(activation=activation))
    before = parameters_of(learner)
    update(learner, acted(learner))
    assert not torch.equal(parameters_of(learner), before)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        *((name, HandwrittenLearner) for name in COMPILED),
        ("handwritten", HandwrittenLearner),
        ("autograd", AutogradLearner),
    ],
)
def test_learner_is_that_of_the_setting(asked: str, kind: type) -> None:
    assert isinstance(learner_of(asked), kind)
