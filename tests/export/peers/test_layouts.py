"""CleanRL's squashed actors, skrl, TorchRL and Tianshou: their names, and how outputs become actions.

The libraries' own files are made by benchmarks/peers/files/.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lander_runtime.errors import InputRefused, UsageError
from peer_files import CONTINUOUS, OBS, assert_acts_as, exported, named, outputs, perceptron, read


def cleanrl_actor(network: nn.Sequential, head: str) -> dict[str, Tensor]:
    """As CleanRL's DDPG, TD3 (fc_mu) and SAC (fc_mean) name theirs; the bounds are those of CONTINUOUS."""
    names = {"0": "fc1", "2": "fc2", "4": head}
    content = {
        f"{names[name.split('.')[0]]}.{name.split('.')[1]}": tensor
        for name, tensor in network.state_dict().items()
    }
    return {
        **content,
        "action_scale": torch.tensor([[2.0, 0.5]]),
        "action_bias": torch.tensor([[0.0, 0.5]]),
    }


@pytest.mark.parametrize("head", ["fc_mu", "fc_mean"])
def test_cleanrl_squashed_actors(head: str, tmp_path: Path) -> None:
    network = perceptron(nn.ReLU)
    actor = cleanrl_actor(network, head)
    if head == "fc_mean":
        actor |= named(nn.Linear(4, 2), "fc_logstd.")
    # DDPG and TD3 save a tuple of state dicts.
    content = actor if head == "fc_mean" else (actor, named(perceptron(nn.ReLU, outputs=1), "fc"))
    policy = read(tmp_path, content, CONTINUOUS)
    with torch.no_grad():
        raw = torch.tanh(network(OBS))
    wanted = torch.stack([2.0 * raw[:, 0], 0.5 * raw[:, 1] + 0.5], dim=1)
    torch.testing.assert_close(exported(policy, CONTINUOUS, "action"), wanted)
    notes = "; ".join(policy.notes)
    assert "relu assumed (--activation); tanh, then action_scale and action_bias; left out: " in notes
    assert ("fc_logstd" if head == "fc_mean" else "state dict 2 of the tuple") in notes
    assert policy.training.config["sampling"] == "the greedy action only"
    with pytest.raises(UsageError, match="leave --squash out"):
        read(tmp_path, content, CONTINUOUS, squash="none")
    with pytest.raises(InputRefused, match=r"fc_m.*its actions are continuous"):
        read(tmp_path, content)


def test_cleanrl_actors_of_other_bounds_are_refused(tmp_path: Path) -> None:
    actor = {**cleanrl_actor(perceptron(nn.ReLU), "fc_mu"), "action_scale": torch.tensor([1.0, 0.5])}
    with pytest.raises(InputRefused, match=r"actions from \[-1\.0, 0\.0\] to \[1\.0, 1\.0\]"):
        read(tmp_path, actor, CONTINUOUS)
    del actor["action_scale"]
    with pytest.raises(InputRefused, match="action_scale"):
        read(tmp_path, actor, CONTINUOUS)


def skrl_agent(network: nn.Module, **more: Any) -> dict[str, Any]:
    policy = {**named(network, "net_container."), "log_std_parameter": torch.zeros(2)}
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-3}]}
    return {
        "policy": policy,
        "value": named(nn.Linear(3, 1), "net_container.0."),
        "optimizer": optimizer,
        **more,
    }


def test_skrl(tmp_path: Path) -> None:
    network = perceptron(nn.ELU)
    content = skrl_agent(network)
    with pytest.raises(UsageError, match="--squash tanh"):
        read(tmp_path, content, CONTINUOUS)
    policy = read(tmp_path, content, CONTINUOUS, squash="none")
    assert_acts_as(policy, network)
    assert policy.log_std is not None
    assert policy.log_std.tolist() == [0.0, 0.0]
    notes = "; ".join(policy.notes)
    assert "(skrl's names); elu assumed" in notes
    assert "left out: optimizer, value" in notes


def test_skrl_shared_model(tmp_path: Path) -> None:
    network = perceptron(nn.ELU)
    head = named(network[4], "policy_layer.")
    body = {name: tensor for name, tensor in named(network, "net_container.").items() if ".4." not in name}
    policy = read(tmp_path, {"policy": {**body, **head, **named(nn.Linear(4, 1), "value_layer.")}})
    assert_acts_as(policy, network)
    assert "left out: value_layer.* (2 tensors)" in policy.notes


def test_skrl_preprocessors_are_refused_until_told(tmp_path: Path) -> None:
    network = perceptron(nn.ELU)
    scaler = {
        "running_mean": torch.tensor([1.0, 0.0, 0.0]).double(),
        "running_variance": torch.tensor([4.0, 1.0, 1.0]).double(),
        "current_count": torch.tensor(9.0),
    }
    value = {name: tensor[:1] if tensor.ndim else tensor for name, tensor in scaler.items()}
    content = skrl_agent(network, state_preprocessor=scaler, value_preprocessor=value)
    with pytest.raises(InputRefused, match=r"state_preprocessor\.running_mean.*--normalizer checkpoint"):
        read(tmp_path, content, CONTINUOUS, squash="none")
    policy = read(tmp_path, content, CONTINUOUS, squash="none", normalizer="checkpoint")
    obs = torch.tensor([[5.0, 0.5, 100.0]])
    with torch.no_grad():
        torch.testing.assert_close(outputs(policy, obs), network(torch.tensor([[2.0, 0.5, 5.0]])))
    assert "left out: optimizer, value, value_preprocessor" in policy.notes


@pytest.mark.parametrize(
    "prefix",
    ["module.0.module.", "module.0.module.0.", "actor_network_params.module.0.module.0."],
)
def test_torchrl(prefix: str, tmp_path: Path) -> None:
    network = perceptron(nn.Tanh, outputs=4)
    content = {**named(network, prefix), "critic_network_params.module.0.weight": torch.zeros(1, 3)}
    with pytest.raises(UsageError, match="--squash tanh"):
        read(tmp_path, content, CONTINUOUS)
    policy = read(tmp_path, content, CONTINUOUS, squash="tanh")
    with torch.no_grad():
        raw = torch.tanh(network(OBS)[:, :2])
    wanted = torch.stack([2.0 * raw[:, 0], 0.5 * raw[:, 1] + 0.5], dim=1)
    torch.testing.assert_close(exported(policy, CONTINUOUS, "action"), wanted)
    assert "the first 2 of 4 outputs (the others are deviations)" in policy.notes
    assert any("VecNorm" in note for note in policy.notes)


def test_torchrl_bounds_in_the_file(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    bounds = {
        "module.1.action_low": torch.tensor([-2.0, 0.0]),
        "module.1.action_high": torch.tensor([2.0, 1.0]),
    }
    policy = read(tmp_path, {**named(network, "module.0.module."), **bounds}, CONTINUOUS)
    with torch.no_grad():
        raw = torch.tanh(network(OBS))
    torch.testing.assert_close(outputs(policy)[:, 1], 0.5 * raw[:, 1] + 0.5)
    with pytest.raises(InputRefused, match="was trained with actions from"):
        wrong = {**bounds, "module.1.action_high": torch.tensor([1.0, 1.0])}
        read(tmp_path, {**named(network, "module.0.module."), **wrong}, CONTINUOUS)


@pytest.mark.parametrize("start", ["policy.", ""])
@pytest.mark.parametrize("head", ["mu", "last"])
def test_tianshou(start: str, head: str, tmp_path: Path) -> None:
    network = perceptron(nn.ReLU)
    content: dict[str, Any] = {
        **named(network[:4], f"{start}actor.preprocess.model.model."),
        **named(network[4], f"{start}actor.{head}.model.0."),
        **named(network[:4], "critic.preprocess.model.model."),
        "_optimizers": [{"state": {}}],
    }
    if head == "mu":
        content[f"{start}actor.sigma_param"] = torch.zeros(2, 1)
    policy = read(tmp_path, content, CONTINUOUS, squash="clip")
    with torch.no_grad():
        raw = network(OBS).clamp(-1.0, 1.0)
    wanted = torch.stack([2.0 * raw[:, 0], 0.5 * raw[:, 1] + 0.5], dim=1)
    torch.testing.assert_close(exported(policy, CONTINUOUS, "action"), wanted)
    assert policy.log_std is not None
    wanted_log_std = [math.log(2.0), math.log(0.5)] if head == "mu" else [-20.0, -20.0]
    assert policy.log_std.tolist() == pytest.approx(wanted_log_std)
    assert "_optimizers" in policy.notes[-1]


def test_tianshou_dqn(tmp_path: Path) -> None:
    network = perceptron(nn.ReLU)
    assert_acts_as(read(tmp_path, named(network, "policy.model.model.model.")), network)
    dueling = {**named(network, "model.model.model."), **named(nn.Linear(4, 2), "model.Q.model.0.")}
    with pytest.raises(InputRefused, match="dueling"):
        read(tmp_path, dueling)


def test_a_part_that_was_compiled_alone(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    assert_acts_as(read(tmp_path, named(network, "actor._orig_mod.")), network)


def test_statistics_that_are_no_state_dict_are_not_overlooked(tmp_path: Path) -> None:
    content = {"model": named(perceptron(nn.Tanh), "actor."), "obs_rms": {"mean": [0.0], "var": [1.0]}}
    with pytest.raises(InputRefused, match=r"obs_rms beside its network.*--normalizer FILE"):
        read(tmp_path, content)
    content["obs_rms"] = None  # type: ignore[assignment]
    assert "obs_rms" in read(tmp_path, content).notes[-1]
