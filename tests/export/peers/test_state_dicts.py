"""State dicts by the names that libraries give their layers; what the file cannot say is asked for.

tests/export/test_source.py has the notebook's own, and hostile files. The libraries' own files are made by
benchmarks/peers/files/.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lander_export.peers.peer import PeerSpaces
from lander_runtime.errors import InputRefused, UsageError
from peer_files import (
    CONTINUOUS,
    DISCRETE,
    OBS,
    PIXELS,
    SEED,
    assert_acts_as,
    exported,
    named,
    outputs,
    perceptron,
    read,
)

# Names.


@pytest.mark.parametrize("wrapped", ["", "module.", "_orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize(
    ("prefix", "activation", "said"),
    [
        ("actor.", nn.Tanh, "tanh assumed"),
        ("network.", nn.ReLU, "relu assumed"),
        ("mlp.", nn.ELU, "elu assumed"),
        ("", nn.Tanh, "tanh assumed"),
    ],
)
def test_layers_under_every_name(
    prefix: str, activation: type[nn.Module], said: str, wrapped: str, tmp_path: Path
) -> None:
    network = perceptron(activation)
    policy = read(tmp_path, named(network, wrapped + prefix))
    assert_acts_as(policy, network)
    assert said in "; ".join(policy.notes)
    assert policy.log_std is None


def test_cleanrl_continuous(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    content = {
        **named(network, "actor_mean."),
        "actor_logstd": torch.tensor([[-1.0, 0.5]]),
        **named(network, "critic."),
    }
    policy = read(tmp_path, content, CONTINUOUS)
    assert_acts_as(policy, network)
    assert policy.log_std is not None
    assert policy.log_std.tolist() == [-1.0, 0.5]
    notes = "; ".join(policy.notes)
    for said in ("left out: critic.* (6 tensors)", "no tanh", "observations not normalised"):
        assert said in notes


@pytest.mark.parametrize("name", ["std", "log_std"])
def test_rsl_rl(name: str, tmp_path: Path) -> None:
    network = perceptron(nn.ELU)
    deviation = torch.tensor([1.0, 0.5])
    content = {
        "model_state_dict": {
            **named(network, "actor."),
            name: deviation if name == "std" else deviation.log(),
        },
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 1e-3}]},
        "iter": 7,
        "infos": None,
    }
    policy = read(tmp_path, content, CONTINUOUS)
    assert_acts_as(policy, network)
    assert policy.log_std is not None
    assert policy.log_std.tolist() == pytest.approx([0.0, math.log(0.5)])
    assert "left out: infos, iter, optimizer_state_dict" in "; ".join(policy.notes)


def test_c51_takes_the_mean_over_its_atoms(tmp_path: Path) -> None:
    network = perceptron(nn.ReLU, outputs=6)
    atoms = torch.tensor([-1.0, 0.0, 4.0])
    policy = read(
        tmp_path, {"model_weights": {**named(network, "network."), "atoms": atoms}, "args": {"seed": 1}}
    )
    with torch.no_grad():
        chances = torch.softmax(network(OBS).reshape(5, 2, 3), dim=2)
    torch.testing.assert_close(outputs(policy), (chances * atoms).sum(2))
    torch.testing.assert_close(exported(policy, DISCRETE, "logits"), (chances * atoms).sum(2))


def cleanrl_pixels() -> tuple[nn.Sequential, nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        body = nn.Sequential(
            nn.Conv2d(4, 3, 8, 4), nn.ReLU(), nn.Conv2d(3, 5, 4, 2), nn.ReLU(), nn.Conv2d(5, 6, 3, 1),
            nn.ReLU(),
            nn.Flatten(), nn.Linear(6, 7), nn.ReLU(),
        )  # fmt: skip
        return body, nn.Linear(7, 2)


def test_cleanrl_pixels(tmp_path: Path) -> None:
    body, head = cleanrl_pixels()
    content = {**named(body, "network."), **named(head, "actor."), **named(nn.Linear(7, 1), "critic.")}
    pixels = torch.randint(0, 256, (5, 4, 36, 36), generator=torch.Generator().manual_seed(SEED)).float()
    policy = read(tmp_path, content, PIXELS, pixel_scale=255.0)
    with torch.no_grad():
        torch.testing.assert_close(outputs(policy, pixels), head(body(pixels / 255.0)))
    with pytest.raises(InputRefused, match="--pixel-scale 255"):
        read(tmp_path, content, PIXELS)


# What the file cannot say.


def test_continuous_actions_without_a_deviation_are_asked_about(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    with pytest.raises(UsageError, match="--squash tanh"):
        read(tmp_path, named(network, ""), CONTINUOUS)
    squashed = outputs(read(tmp_path, named(network, ""), CONTINUOUS, squash="tanh"))
    with torch.no_grad():
        raw = network(OBS)
    # To [-2, 2] and [0, 1].
    wanted = torch.stack([2.0 * torch.tanh(raw[:, 0]), 0.5 * torch.tanh(raw[:, 1]) + 0.5], dim=1)
    torch.testing.assert_close(squashed, wanted)
    assert_acts_as(read(tmp_path, named(network, ""), CONTINUOUS, squash="none"), network)


def test_a_normaliser_is_refused_by_name_until_its_user_has_said(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    statistics = {"obs_rms.mean": torch.tensor([1.0, 0.0, 0.0]), "obs_rms.var": torch.tensor([4.0, 1.0, 1.0])}
    content = {**named(network, "actor."), **statistics, "obs_rms.count": torch.tensor(9)}
    with pytest.raises(InputRefused, match=r"obs_rms\.mean, obs_rms\.var.*--normalizer checkpoint"):
        read(tmp_path, content)
    policy = read(tmp_path, content, normalizer="checkpoint")
    obs = torch.tensor([[5.0, 0.5, 100.0]])
    with torch.no_grad():
        torch.testing.assert_close(outputs(policy, obs), network(torch.tensor([[2.0, 0.5, 10.0]])))
    assert "observations normalised by obs_rms.mean, epsilon 1e-08, clipped to 10" in policy.notes
    raw = read(tmp_path, content, normalizer="none")
    assert_acts_as(raw, network)
    assert "left out: obs_rms.mean, obs_rms.var, obs_rms.count" in "; ".join(raw.notes)


def test_a_tensor_of_an_observations_size_is_not_overlooked(tmp_path: Path) -> None:
    network = perceptron(nn.Tanh)
    content = {
        **named(network, "actor."),
        "whitening.shift": torch.ones(1, 3),
        "critic.0.bias": torch.ones(3),
    }
    with pytest.raises(InputRefused, match=r"whitening\.shift"):
        read(tmp_path, content)
    assert_acts_as(read(tmp_path, content, normalizer="none"), network)


def test_rsl_rl_keeps_statistics_beside_the_network(tmp_path: Path) -> None:
    network = perceptron(nn.ELU)
    content = {
        "model_state_dict": {**named(network, "actor."), "std": torch.ones(2)},
        "obs_norm_state_dict": {
            "_mean": torch.zeros(1, 3),
            "_var": torch.ones(1, 3),
            "count": torch.tensor(3),
        },
    }
    with pytest.raises(InputRefused, match=r"obs_norm_state_dict\._mean"):
        read(tmp_path, content, CONTINUOUS)
    policy = read(tmp_path, content, CONTINUOUS, normalizer="checkpoint")
    with torch.no_grad():
        torch.testing.assert_close(outputs(policy), network(OBS / 1.01))


# What is refused.


@pytest.mark.parametrize(
    ("more", "spaces", "reason"),
    [
        ({"lstm.weight_ih_l0": torch.zeros(4, 4)}, DISCRETE, "has a memory"),
        ({"memory_a.rnn.weight_hh_l0": torch.zeros(4, 4)}, DISCRETE, "has a memory"),
        ({"log_std": torch.zeros(2)}, DISCRETE, "its actions are continuous"),
        ({"log_std": torch.zeros(3)}, CONTINUOUS, "3 numbers; Continuous-v0 has 2"),
        ({"actor.1.running_mean": torch.zeros(4)}, DISCRETE, "do not fit together"),
        ({"actor.5.gain": torch.zeros(4)}, DISCRETE, "do not fit together"),
        ({"critic.0.weight": torch.tensor([math.nan])}, DISCRETE, "not finite"),
        ({"module.actor.0.weight": torch.zeros(4, 3)}, DISCRETE, "with and without module"),
    ],
)
def test_what_would_act_otherwise_is_refused(
    more: dict[str, Tensor], spaces: PeerSpaces, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputRefused, match=reason):
        read(tmp_path, {**named(perceptron(nn.Tanh), "actor."), **more}, spaces)


def test_other_convolutions_are_refused(tmp_path: Path) -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 3, 5), nn.ReLU(), nn.Conv2d(3, 5, 4, 2), nn.ReLU(), nn.Conv2d(5, 6, 3)
    )
    content = {
        **named(network, "network."),
        **named(nn.Linear(6, 7), "network.7."),
        **named(nn.Linear(7, 2), "actor."),
    }
    with pytest.raises(InputRefused, match="not the 8 x 8 convolution"):
        read(tmp_path, content, PIXELS, pixel_scale=255.0)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"squash": "sigmoid"}, "--squash"),
        ({"squash": "tanh"}, "discrete"),
        ({"pixel_scale": 0.0}, "above 0"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, named(perceptron(nn.Tanh), "actor."), **options)
