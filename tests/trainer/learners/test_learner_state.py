"""A learner's state: optimiser and weights that are restored, errors that name the place, its processes."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lander_runtime.errors import InputRefused
from lander_runtime.workers.remote import LocalWorker, RemoteWorker
from lander_runtime.workers.thread import ThreadWorker
from lander_trainer.learners import NotFinite, choose_critic_process
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.ppo.batch import epoch_order
from lander_trainer.ppo.distributions import Categorical
from trainer_learners import COMPILED, NAMES, SEED, acted, learner_of, parameters_of, states_equal, update
from trainer_rollouts import config_of, rollout_of

# Adam.


def test_adam_computes_what_pytorchs_does() -> None:
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


def test_restored_learner_continues_bit_for_bit(name: str) -> None:
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


def test_fresh_learner_has_a_state_that_changes_nothing(name: str) -> None:
    fresh, restored = learner_of(name), learner_of(name)
    restored.restore(fresh.state())
    assert states_equal(fresh.state(), restored.state())
    rollout = acted(fresh)
    for learner in (fresh, restored):
        update(learner, rollout)
    assert torch.equal(parameters_of(fresh), parameters_of(restored))


@pytest.mark.parametrize("source", NAMES)
def test_either_learner_continues_from_the_others_state(name: str, source: str) -> None:
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
    expected = learner.network.outputs(torch.from_numpy(obs)).detach().numpy()
    assert np.allclose(learner.forward(obs)[0], expected, rtol=1e-5, atol=1e-6)


def test_weights_put_into_the_network_are_those_that_act_and_learn(name: str) -> None:
    trained, loaded = learner_of(name), learner_of(name)
    update(trained, acted(trained))
    loaded.network.load_state_dict(trained.network.state_dict())
    obs = rollout_of().obs[0]
    assert np.array_equal(trained.forward(obs)[0], loaded.forward(obs)[0])
    loaded.restore(trained.state())
    rollout = acted(trained, seed=4)
    for learner in (trained, loaded):
        update(learner, rollout)
    assert torch.equal(parameters_of(trained), parameters_of(loaded))


def test_flat_parameters_are_views() -> None:
    network = ActorCritic(2, Categorical(3), (8,), "tanh")
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    flat = FlatParameters.of(network)
    assert flat.layout.names == tuple(key for key, _ in network.named_parameters())
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
    flat.values.zero_()
    assert not any(parameter.any() for parameter in network.parameters())
    (network.outputs(torch.ones(1, 2)).sum() + network.values(torch.ones(1, 2)).sum()).backward()
    last = flat.layout.split(flat.gradients)[flat.layout.names.index("actor.2.bias")]
    assert torch.equal(last, torch.ones(3))


# Numbers that are not finite.


@pytest.mark.parametrize("column", ["obs", "rewards"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rollout_with_a_number_that_is_not_finite_is_refused_by_name(
    name: str, column: str, value: float
) -> None:
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
@pytest.mark.parametrize(
    ("network", "place"),
    [
        ("actor", r"^gradient of (actor\.\d\.\w+, )*actor\.2\.weight(, actor\.\d\.\w+)*$"),
        # Before it reaches the advantages and with them every gradient.
        ("critic", r"^values$"),
    ],
)
def test_weight_that_is_not_finite_is_found_where_it_shows_first(
    name: str, network: str, place: str, layer: int, value: float
) -> None:
    learner = learner_of(name, config_of(activation="relu"))
    rollout = acted(learner)
    with torch.no_grad():
        getattr(learner.network, network)[layer].weight[0, 0] = value
    # With a broken critic neither network has learned; with a broken actor the critic may have.
    untouched = learner.network if network == "critic" else learner.network.actor
    before = torch.nn.utils.parameters_to_vector(untouched.parameters()).nan_to_num()
    with pytest.raises(NotFinite, match=place):
        update(learner, rollout)
    assert torch.equal(torch.nn.utils.parameters_to_vector(untouched.parameters()).nan_to_num(), before)


def test_loss_that_overflows_is_found(name: str) -> None:
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


def test_first_gradient_that_is_not_finite_is_named() -> None:
    # The first minibatch breaks the actor's gradient, the second the norm of everything.
    config = config_of(minibatches=2, epochs=1, gamma=0.0, value_coef=100.0, normalize_advantages=False)
    learner = learner_of("autograd", config)
    rollout = acted(learner, end="none")
    rollout = dataclasses.replace(rollout, live=np.ones_like(rollout.live))
    order = epoch_order(rollout.live.size, config, np.random.default_rng(SEED))
    logits, rewards = rollout.outputs.copy(), rollout.rewards.copy()
    logits.reshape(-1, 3)[order[0]] = math.nan
    rewards.reshape(-1)[order[-1]] = 1e19
    with pytest.raises(NotFinite, match=r"^gradient of actor\.0\.weight"):
        update(learner, dataclasses.replace(rollout, outputs=logits, rewards=rewards))


# The critic in its own process.


@pytest.mark.parametrize("fast", [*COMPILED, "handwritten"])
@pytest.mark.parametrize(
    ("target_kl", "steps"),
    [(None, 128), (1e-4, 128), (None, 4096)],
    ids=["as it comes", "a stop", "answers that no pipe holds"],
)
def test_critic_beside_the_actor_changes_nothing(fast: str, target_kl: float | None, steps: int) -> None:
    config = config_of(lanes=16, rollout_steps=steps, epochs=4, minibatches=4, target_kl=target_kl)
    here, there = (learner_of(fast, dataclasses.replace(config, critic_process=yes)) for yes in ("no", "yes"))
    try:
        assert isinstance(there._critic, RemoteWorker if fast == "handwritten" else ThreadWorker)
        rollout = acted(here)
        for _ in range(2):
            statistics = update(here, rollout)
            assert statistics == update(there, rollout)
            assert (statistics.epochs < 4) == (target_kl is not None)
        there.restore(here.state())
        assert update(here, rollout) == update(there, rollout)
        assert torch.equal(parameters_of(here), parameters_of(there))
        assert states_equal(here.state(), there.state())
    finally:
        there.close()
    if fast == "handwritten":
        assert there._critic._process.poll() == 0


@pytest.mark.parametrize(
    ("cores", "values", "chosen"),
    [
        (2, {"rollout_steps": 128}, "yes"),
        (1, {"rollout_steps": 128}, "no"),
        (2, {"rollout_steps": 127}, "no"),
        (1, {"critic_process": "yes"}, "yes"),
        (2, {"rollout_steps": 128, "critic_process": "no"}, "no"),
        (2, {"rollout_steps": 128, "learner": "autograd"}, "no"),
        (2, {"rollout_steps": 2, "learner": "compiled"}, "yes"),
        (1, {"rollout_steps": 128, "learner": "compiled"}, "no"),
    ],
    ids=[
        "it pays",
        "one core",
        "small updates",
        "asked for",
        "asked not to",
        "one network in PyTorch",
        "a thread costs little",
        "a thread on one core",
    ],
)
def test_critic_learns_beside_the_actor_where_that_pays(
    monkeypatch: pytest.MonkeyPatch, cores: int, values: dict[str, Any], chosen: str
) -> None:
    monkeypatch.setattr("lander_trainer.learners.available_cores", lambda: cores)
    # 16 lanes x 128 steps x 4 epochs are the 8,192 rows from which it pays.
    plain: dict[str, Any] = {"lanes": 16, "epochs": 4, "learner": "handwritten"}
    assert choose_critic_process(config_of(**(plain | values))) == chosen


def test_critic_stays_in_this_process_unless_asked_for() -> None:
    learner = learner_of("handwritten", config_of(critic_process="no", workers=2))
    assert isinstance(learner._critic, LocalWorker)
    learner.close()


@pytest.mark.parametrize("fast", [*COMPILED, "handwritten"])
def test_number_that_is_not_finite_beside_the_actor_is_named(fast: str) -> None:
    # An error of 1e19 times 100 leaves the range of numbers in the gradient's norm, which only the critic's
    # process sees.
    config = config_of(lanes=16, rollout_steps=128, epochs=4, minibatches=1, gamma=0.0, value_coef=100.0)
    learner = learner_of(fast, dataclasses.replace(config, critic_process="yes"))
    rollout = acted(learner)
    rewards = np.where(rollout.live, np.float32(1e19), np.float32(0))
    try:
        with pytest.raises(NotFinite, match="norm of the gradient"):
            update(learner, dataclasses.replace(rollout, rewards=rewards))
    finally:
        learner.close()


@pytest.mark.parametrize(
    ("moment", "value"), [("exp_avg", math.nan), ("exp_avg_sq", math.inf), ("exp_avg_sq", -1)]
)
def test_moments_that_no_training_gives_are_refused(name: str, moment: str, value: float) -> None:
    """The first update would make every weight NaN, and blame the settings."""
    learner = learner_of(name)
    state = learner.state()
    state[f"optimizer.0.{moment}"].view(-1)[0] = value
    with pytest.raises(InputRefused, match="that no training gives"):
        learner.restore(state)
