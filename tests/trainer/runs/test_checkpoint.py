"""Checkpoint files: everything is read back, and only a sound checkpoint of ours is read."""

import dataclasses
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lander_runtime.errors import InputRefused
from lander_runtime.spec import Component, EnvSpec, Space
from lander_trainer import Checkpoint, Progress, TrainConfig
from lander_trainer.learners import open_learner
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.build import build_network
from lander_trainer.runs.checkpoint import METADATA_KEY, named_tensors, network_tensors
from trainer_learners import NAMES
from trainer_rollouts import config_of, rollout_of

CONFIG = TrainConfig(
    env="LunarLander-v3", hidden_sizes=(8, 4), target_kl=0.02, env_kwargs={"gravity": -9.0}, seed=4
)


def adam(network: ActorCritic) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=0.01)


def learn(network: ActorCritic, optimizer: torch.optim.Optimizer, steps: int, seed: int) -> None:
    """A few steps of no particular purpose, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        obs = torch.randn(5, 8, generator=generator)
        optimizer.zero_grad()
        (network.outputs(obs).square().mean() + network.values(obs).sum()).backward()
        optimizer.step()


def checkpoint_of(tensors: dict[str, Tensor] | None = None, **changes: Any) -> Checkpoint:
    observation = Space(
        "Box", (8,), "float32", low=[-1.5] * 7 + [None], high=2.5, components=(Component("x", "m"),)
    )
    action = Space("Discrete", (), "int64", n=4)
    plain = Checkpoint(
        env=EnvSpec("LunarLander-v3", {"gravity": -9.0}, max_episode_steps=1000, reward_threshold=200.0),
        observation=observation,
        action=action,
        config=CONFIG,
        progress=Progress(updates=3, steps=12_288, episodes=99, seconds=1.25, best_score=-0.1),
        versions={"torch": "2.13.0"},
        platform="Linux x86_64",
        created="2025-01-02T03:04:05+00:00",
        tensors=network_tensors(build_network(observation, action, CONFIG)) if tensors is None else tensors,
    )
    return dataclasses.replace(plain, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.safetensors"


@pytest.fixture
def saved(path: Path) -> Path:
    checkpoint_of().save(path)
    return path


def rewrite(path: Path, **entries: Any) -> None:
    """Put other values for `entries` into the header; None takes an entry away."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[METADATA_KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    changed = {name: value for name, value in (header | entries).items() if value is not None}
    save_file(tensors, path, metadata={METADATA_KEY: json.dumps(changed)})


# Writing and reading back.


def test_everything_is_read_back(path: Path) -> None:
    checkpoint = checkpoint_of()
    checkpoint.save(path)
    again = Checkpoint.load(path)
    for field in dataclasses.fields(Checkpoint):
        if field.name != "tensors":
            assert getattr(again, field.name) == getattr(checkpoint, field.name), field.name
    assert again.tensors.keys() == checkpoint.tensors.keys()
    assert all(torch.equal(again.tensors[name], t) for name, t in checkpoint.tensors.items())


def test_progress_without_a_best_score_is_read_back(path: Path) -> None:
    checkpoint_of(progress=Progress()).save(path)
    assert Checkpoint.load(path).progress == Progress()


def test_network_is_read_back_bit_for_bit(path: Path) -> None:
    network = build_network(checkpoint_of().observation, checkpoint_of().action, CONFIG)
    learn(network, adam(network), 3, seed=1)
    checkpoint_of(network_tensors(network)).save(path)
    again = Checkpoint.load(path).network()
    obs = torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(again.outputs(obs), network.outputs(obs))
    assert torch.equal(again.values(obs), network.values(obs))


@pytest.mark.parametrize("name", NAMES)
def test_restored_learner_continues_as_if_uninterrupted(path: Path, name: str) -> None:
    config = config_of(learner=name, hidden_sizes=(8, 4))
    observation, action = Space("Box", (2,), "float32"), Space("Discrete", (), "int64", n=3)
    spaces = {"observation": observation, "action": action, "config": config}
    learner = open_learner(config, build_network(observation, action, config))
    learner.update(rollout_of(), 0.01, np.random.default_rng(1))
    checkpoint_of({**network_tensors(learner.network), **learner.state()}, **spaces).save(path)

    checkpoint = Checkpoint.load(path)
    restored = open_learner(config, checkpoint.network())
    restored.restore(checkpoint.tensors)
    for each in (learner, restored):
        each.update(rollout_of(seed=4), 0.01, np.random.default_rng(2))
    for mine, other in zip(learner.network.parameters(), restored.network.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert learner.state().keys() == restored.state().keys()
    assert all(torch.equal(restored.state()[key], tensor) for key, tensor in learner.state().items())


def test_restored_random_generator_continues_as_if_uninterrupted(path: Path) -> None:
    rng = np.random.default_rng(5)
    rng.integers(0, 3, 7, dtype=np.int8)  # leaves half-used bits behind, which are part of the state
    checkpoint_of(rng=dict(rng.bit_generator.state)).save(path)
    restored = np.random.default_rng()
    restored.bit_generator.state = Checkpoint.load(path).rng
    for draw in ("random", "standard_exponential", "standard_normal"):
        assert getattr(rng, draw)(9).tolist() == getattr(restored, draw)(9).tolist()
    assert rng.integers(0, 3, 9, dtype=np.int8).tolist() == restored.integers(0, 3, 9, dtype=np.int8).tolist()


def test_arrays_are_read_back(path: Path) -> None:
    arrays = {
        "seed": np.array(2**31 - 1),
        "actions": np.zeros(0, np.int64),
        "ended": np.array([True, False]),
        "returns": np.array([0.1, -1e300]),
    }
    tensors = {**checkpoint_of().tensors, **named_tensors("lanes", arrays), **named_tensors("collector", {})}
    checkpoint_of(tensors).save(path)
    again = Checkpoint.load(path)
    assert again.arrays("collector") == {}
    assert again.arrays("lanes").keys() == arrays.keys()
    for name, array in again.arrays("lanes").items():
        assert (array.dtype, array.shape) == (arrays[name].dtype, arrays[name].shape)
        assert np.array_equal(array, arrays[name])
    # A name that only begins alike is another's.
    assert "lanes.seed" not in again.arrays("lane")


@pytest.mark.parametrize("name", NAMES)
def test_network_of_a_learner_is_copied(name: str) -> None:
    config = config_of(learner=name)
    network = build_network(Space("Box", (2,), "float32"), Space("Discrete", (), "int64", n=3), config)
    learner = open_learner(config, network)
    tensors = network_tensors(learner.network)
    before = {key: tensor.clone() for key, tensor in tensors.items()}
    learner.update(rollout_of(), 0.01, np.random.default_rng(1))
    assert all(torch.equal(before[key], tensor) for key, tensor in tensors.items())
    # A checkpoint of views would hold the whole vector of parameters once for each of them.
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in tensors.values())


def test_saved_tensors_are_copies(path: Path) -> None:
    network = build_network(checkpoint_of().observation, checkpoint_of().action, CONFIG)
    tensors = network_tensors(network)
    before = tensors["network.actor.0.weight"].clone()
    learn(network, adam(network), 1, seed=1)
    assert torch.equal(tensors["network.actor.0.weight"], before)


def test_saving_replaces_the_file_and_leaves_no_other(saved: Path) -> None:
    checkpoint_of(progress=Progress(updates=4)).save(saved)
    assert Checkpoint.load(saved).progress.updates == 4
    assert list(saved.parent.iterdir()) == [saved]


def test_checkpoint_of_an_older_version_can_be_read(saved: Path) -> None:
    # Older versions did not store the state of the random generator.
    rewrite(saved, rng=None)
    assert Checkpoint.load(saved).rng == {}


def test_unknown_entries_are_ignored(saved: Path) -> None:
    rewrite(saved, schema="1.7", weather="fine")
    assert Checkpoint.load(saved).progress == checkpoint_of().progress


# What is not a checkpoint of ours.


@pytest.mark.parametrize(
    "content",
    [b"", b"[default]\nsteps = 1\n", b"\xff" * 64, b"\x00" * 8, (2**60).to_bytes(8, "little") + b"{}"],
    ids=["empty", "text", "ones", "zeros", "header of an exabyte"],
)
def test_other_content_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputRefused, match=r"checkpoint\.safetensors" + (": " if content else " is empty")):
        Checkpoint.load(path)


def test_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(InputRefused, match=r"checkpoint\.safetensors does not exist"):
        Checkpoint.load(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_named_pipe_is_refused_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(InputRefused, match="a pipe or a device"):
        Checkpoint.load(path)


def test_thousands_of_layers_are_refused(path: Path) -> None:
    save_file({f"network.actor.{i}.weight": torch.zeros(1) for i in range(20_000)}, path)
    with pytest.raises(InputRefused, match="at most 10,000 tensors, found 20,000"):
        Checkpoint.load(path)


def test_a_header_of_megabytes_is_refused_before_it_is_parsed(path: Path) -> None:
    """A list in it takes three bytes there and 64 in Python."""
    save_file({"a": torch.zeros(1)}, path, {"lander.checkpoint": ",[]" * 3_000_000})
    with pytest.raises(InputRefused, match=r"a header of 9,\d{3},\d{3} bytes is too much"):
        Checkpoint.load(path)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.3, 0.7, 0.999])
def test_truncated_file_is_refused(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputRefused, match="not a readable safetensors file"):
        Checkpoint.load(saved)


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_renamed_pickle_is_refused_and_not_run(path: Path, tmp_path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(InputRefused):
        Checkpoint.load(path)
    assert not (tmp_path / "exploded").exists()


def test_foreign_safetensors_are_refused(path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, path, metadata={"format": "pt"})
    with pytest.raises(InputRefused, match="not a checkpoint of lander"):
        Checkpoint.load(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(InputRefused, match="not a checkpoint of lander"):
        Checkpoint.load(path)


@pytest.mark.parametrize("header", ["", "{", "[]", "null", '"text"', "[" * 100_000])
def test_header_that_is_no_object_is_refused(path: Path, header: str) -> None:
    save_file({"weight": torch.zeros(2)}, path, metadata={METADATA_KEY: header})
    with pytest.raises(InputRefused, match=r"checkpoint\.safetensors"):
        Checkpoint.load(path)


def test_unknown_major_version_is_refused_by_number(saved: Path) -> None:
    rewrite(saved, schema="2.0")
    with pytest.raises(InputRefused, match=r"schema 2\.0; this version reads 1\.x"):
        Checkpoint.load(saved)


@pytest.mark.parametrize(
    "entry",
    ["schema", "env", "observation", "action", "config", "progress", "versions", "platform", "created"],
)
def test_missing_entry_is_refused_by_name(saved: Path, entry: str) -> None:
    rewrite(saved, **{entry: None})
    with pytest.raises(InputRefused, match=entry):
        Checkpoint.load(saved)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("env", {"id": "module.of.theirs:Env-v0"}),
        ("env", "LunarLander-v3"),
        ("observation", {"type": "Box"}),
        ("progress", {"updates": "three"}),
        ("versions", []),
        ("rng", []),
        ("created", 5),
    ],
)
def test_misshapen_entry_is_refused(saved: Path, entry: str, value: Any) -> None:
    rewrite(saved, **{entry: value})
    with pytest.raises(InputRefused):
        Checkpoint.load(saved)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        # One more could not be read again, and the run would be lost.
        ("episodes", 2**63 - 1),
        ("steps", 2**63 - 1),
        ("updates", 2**63 - 1),
        # Twice as long is no number.
        ("seconds", 1.7e308),
        ("seconds", -1.0),
        ("best_score", -1.7e308),
    ],
)
def test_progress_that_no_run_has_made_is_refused(saved: Path, entry: str, value: float) -> None:
    progress = {**dataclasses.asdict(Checkpoint.load(saved).progress), entry: value}
    rewrite(saved, progress=progress)
    with pytest.raises(InputRefused, match=f"progress: '{entry}' should be"):
        Checkpoint.load(saved)


@pytest.mark.parametrize(
    "config",
    [
        {"gamma": 2.0},
        {"hidden_sizes": []},
        {"steps": "many"},
        {"hidden_sizes": [2**61, 2**62]},
        {"hidden_sizes": [10**400]},
        {"hidden_sizes": [8] * 100_000},
        {"channels": [2**62]},
        {"env_kwargs": "[" * 5000},
        {"steps": 10**400},
    ],
    ids=lambda config: str(config)[:40],
)
def test_settings_that_no_run_can_have_are_refused(saved: Path, config: dict[str, Any]) -> None:
    # The file is wrong here, not what the user typed: InputRefused and not UsageError.
    rewrite(saved, config=config)
    with pytest.raises(InputRefused):
        Checkpoint.load(saved)


@pytest.mark.parametrize(
    ("entry", "space"),
    [
        ("action", Space("Box", (2,), "float32", low=-1.0, high=1.0)),
        ("observation", Space("Box", (), "float32")),
        ("observation", Space("Box", (8, 8), "uint8")),
        ("observation", Space("Discrete", (), "int64", n=16)),
    ],
    ids=["continuous actions", "scalar observations", "image observations", "discrete observations"],
)
def test_spaces_that_the_networks_do_not_have_are_refused(saved: Path, entry: str, space: Space) -> None:
    rewrite(saved, **{entry: space.to_json()})
    with pytest.raises(InputRefused):
        Checkpoint.load(saved).network()


# Tensors that do not belong to the header.


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("network.actor.0.weight", torch.zeros(8, 7)),
        ("network.actor.0.weight", torch.zeros(8)),
        ("network.actor.0.weight", None),
        ("network.actor.9.weight", torch.zeros(1)),
        ("network.actor.0.weight", torch.zeros(8, 4, dtype=torch.int32)),
        ("network.actor.0.weight", torch.zeros(8, 4, dtype=torch.float64)),
        (f"network.actor.{'9' * 5000}.weight", torch.zeros(1)),
    ],
    ids=["size", "rank", "missing", "too many", "whole numbers", "double", "index of 5,000 digits"],
)
def test_tensors_that_do_not_fit_are_refused(saved: Path, name: str, tensor: Tensor | None) -> None:
    tensors = checkpoint_of().tensors
    changed = (
        {**tensors, name: tensor} if tensor is not None else {k: tensors[k] for k in tensors if k != name}
    )
    checkpoint_of(changed).save(saved)
    with pytest.raises(InputRefused, match="do not fit the settings"):
        Checkpoint.load(saved).network()
