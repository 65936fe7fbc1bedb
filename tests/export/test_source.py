"""What can be exported and what is refused: these files may be from unknown sources."""

import dataclasses
import math
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lander_export import Source, load_source
from lander_export.source import RESUMED, Recipe
from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.spec import EnvSpec
from lander_trainer import Checkpoint, Progress, preset
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.runs.checkpoint import network_tensors

SEED = 2


def network(sizes: tuple[int, ...] = (8, 12, 6, 4)) -> ActorCritic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        built = ActorCritic(sizes[0], Categorical(sizes[-1]), sizes[1:-1], "tanh")
        for parameter in built.parameters():
            nn.init.normal_(parameter, std=0.5)
        return built


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.fixture
def state_dict(tmp_path: Path) -> Path:
    """What the notebook saves: actor and critic, 8 -> 12 -> 6 -> 4."""
    return save(tmp_path / "LunarLander.pth", network().state_dict())


def checkpoint_of(**changes: Any) -> Checkpoint:
    spec = envs.resolve("LunarLander-v3")
    env = envs.make(spec)
    observation, action = envs.describe_spaces(env)
    env.close()
    plain: dict[str, Any] = {
        "env": spec,
        "observation": observation,
        "action": action,
        "config": preset("LunarLander-v3").with_values({"hidden_sizes": (12, 6), "seed": 7}),
        "progress": Progress(updates=2, steps=8000),
        "versions": {"torch": "2.13.0"},
        "platform": "Linux x86_64",
        "created": "2025-01-02T03:04:05+00:00",
        "tensors": network_tensors(network()),
    }
    return Checkpoint(**(plain | changes))


def logits_of(source: Source, obs: Tensor) -> Tensor:
    with torch.no_grad():
        return source.graph.actor(obs)


OBS = torch.randn(5, 8, generator=torch.Generator().manual_seed(SEED))


# Our own checkpoints.


def test_checkpoint_names_environment_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    checkpoint = checkpoint_of()
    checkpoint.save(path)
    source = load_source(path)
    assert torch.equal(logits_of(source, OBS), network().outputs(OBS))
    assert (source.env, source.observation, source.action) == (
        checkpoint.env,
        checkpoint.observation,
        checkpoint.action,
    )
    training = source.training
    assert (training.algorithm, training.steps, training.seed) == ("PPO", 8000, 7)
    assert training.config == checkpoint.config.to_dict()
    assert (training.versions, training.platform) == (checkpoint.versions, checkpoint.platform)
    assert source.created == checkpoint.created


def test_recipe_names_the_update_of_the_weights(tmp_path: Path) -> None:
    """Of 123 updates, 1,000,000 steps in rollouts of 8,192, the run was stopped after two."""
    path = tmp_path / "best.safetensors"
    checkpoint_of(progress=Progress(updates=2)).save(path)
    command = "lander train LunarLander-v3 --seed 7 --set hidden_sizes=12,6"
    assert load_source(path).reproduce == Recipe(command, update=2, updates=123)


def test_weights_that_went_through_an_interruption_have_no_command(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    checkpoint_of(progress=Progress(updates=2, resumed=True)).save(path)
    assert load_source(path).reproduce == RESUMED


def test_other_names_for_the_same_numbers_are_no_misfit(tmp_path: Path) -> None:
    # Names and units are words of this version of the package; an older checkpoint may have others.
    checkpoint = checkpoint_of()
    older = dataclasses.replace(checkpoint.observation, components=())
    checkpoint_of(observation=older).save(tmp_path / "best.safetensors")
    assert load_source(tmp_path / "best.safetensors").env == checkpoint.env


@pytest.mark.parametrize(
    "options", [{"env": EnvSpec("LunarLander-v3")}, {"activation": "relu"}], ids=["env", "activation"]
)
def test_checkpoint_takes_no_options(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "best.safetensors"
    checkpoint_of().save(path)
    with pytest.raises(UsageError, match="--env and --activation are for state dicts"):
        load_source(path, **options)


def test_checkpoint_whose_network_does_not_fit_its_environment_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    checkpoint_of(env=envs.resolve("CartPole-v1")).save(path)
    with pytest.raises(InputRefused, match="CartPole-v1"):
        load_source(path)


def test_renamed_state_dict_is_refused(tmp_path: Path, state_dict: Path) -> None:
    renamed = state_dict.rename(tmp_path / "LunarLander.safetensors")
    with pytest.raises(InputRefused):
        load_source(renamed)


# State dicts such as the notebook's.


def test_state_dict_of_the_notebook(state_dict: Path, lunar_lander: EnvSpec) -> None:
    source = load_source(state_dict, lunar_lander)
    assert torch.equal(logits_of(source, OBS), network().outputs(OBS))
    assert source.env == lunar_lander
    assert (source.observation.shape, source.action.n) == ((8,), 4)
    assert (source.training.steps, source.training.seed, source.created) == (None, None, "unknown")
    assert source.training.config == {"hidden_sizes": [12, 6], "activation": "tanh"}


@pytest.mark.parametrize("hidden", [(), (32,), (128, 128), (5, 6, 7)], ids=str)
def test_sizes_are_read_from_the_shapes(
    tmp_path: Path, lunar_lander: EnvSpec, hidden: tuple[int, ...]
) -> None:
    path = save(tmp_path / "a.pth", network((8, *hidden, 4)).state_dict())
    source = load_source(path, lunar_lander)
    assert source.training.config["hidden_sizes"] == list(hidden)
    assert torch.equal(logits_of(source, OBS), network((8, *hidden, 4)).outputs(OBS))


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_critic_is_not_needed(tmp_path: Path, lunar_lander: EnvSpec, suffix: str) -> None:
    weights = {k: v for k, v in network().state_dict().items() if k.startswith("actor.")}
    source = load_source(save(tmp_path / f"a{suffix}", weights), lunar_lander)
    assert torch.equal(logits_of(source, OBS), network().outputs(OBS))


def test_other_number_formats_become_float32(tmp_path: Path, lunar_lander: EnvSpec) -> None:
    weights = {name: tensor.double() for name, tensor in network().state_dict().items()}
    source = load_source(save(tmp_path / "a.pth", weights), lunar_lander)
    assert torch.equal(logits_of(source, OBS), network().outputs(OBS))


@pytest.mark.parametrize(
    ("activation", "hidden"),
    [
        (None, math.tanh(-1)),
        ("tanh", math.tanh(-1)),
        ("relu", 0.0),
        ("elu", math.exp(-1) - 1),
        ("silu", -1 / (1 + math.e)),
    ],
)
def test_caller_chooses_the_activation(
    tmp_path: Path, lunar_lander: EnvSpec, activation: str | None, hidden: float
) -> None:
    # One hidden unit that is always at -1 before its activation; each logit is twice what comes after.
    weights = {
        "actor.0.weight": torch.zeros(1, 8),
        "actor.0.bias": torch.tensor([-1.0]),
        "actor.2.weight": torch.full((4, 1), 2.0),
        "actor.2.bias": torch.zeros(4),
    }
    source = load_source(save(tmp_path / "a.pth", weights), lunar_lander, activation)
    assert logits_of(source, OBS).flatten().tolist() == pytest.approx([2 * hidden] * 20)


def test_unknown_activation_lists_the_known_ones(state_dict: Path, lunar_lander: EnvSpec) -> None:
    with pytest.raises(UsageError, match="tanh, relu, elu, silu"):
        load_source(state_dict, lunar_lander, "gelu")


def test_state_dict_without_an_environment_is_refused(state_dict: Path) -> None:
    with pytest.raises(UsageError, match="--env"):
        load_source(state_dict)


# What does not fit.


def test_missing_file_is_refused(tmp_path: Path, lunar_lander: EnvSpec) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        load_source(tmp_path / "a.pth", lunar_lander)
    with pytest.raises(InputRefused, match="does not exist"):
        load_source(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("sizes", "found"), [((4, 8, 2), "takes 4 numbers and chooses among 2"), ((8, 8, 3), "8 numbers .* 3")]
)
def test_sizes_of_another_environment_are_refused(
    tmp_path: Path, lunar_lander: EnvSpec, sizes: tuple[int, ...], found: str
) -> None:
    path = save(tmp_path / "a.pth", network(sizes).state_dict())
    with pytest.raises(InputRefused, match=f"{found}.*LunarLander-v3 has 8 and 4"):
        load_source(path, lunar_lander)


def test_environment_that_this_trainer_does_not_fit_is_refused(state_dict: Path) -> None:
    with pytest.raises(UsageError, match="continuous actions"):
        load_source(state_dict, envs.resolve("Pendulum-v1"))


def without(name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in network().state_dict().items() if key != name}


def changed(**tensors: Tensor) -> dict[str, Tensor]:
    return {**network().state_dict(), **{name.replace("_", "."): t for name, t in tensors.items()}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param({}, "expected the keys actor.0.weight", id="empty"),
        pytest.param({"policy.0.weight": torch.zeros(4, 8)}, "found policy.0.weight", id="other names"),
        pytest.param(without("actor.0.weight"), r"found them at \[2, 4\]", id="first weight missing"),
        pytest.param(without("actor.2.weight"), r"found them at \[0, 4\]", id="weight missing"),
        pytest.param(without("actor.2.bias"), "do not fit together", id="bias missing"),
        pytest.param(changed(actor_9_bias=torch.zeros(1)), "do not fit together", id="one too many"),
        pytest.param(changed(actor_2_weight=torch.zeros(6, 11)), "do not fit together", id="layers apart"),
        pytest.param(changed(actor_0_bias=torch.zeros(11)), "do not fit together", id="bias of another size"),
        pytest.param(changed(actor_0_weight=torch.zeros(12)), "linear layers", id="vector for a matrix"),
        pytest.param(changed(actor_0_weight=torch.tensor(1.0)), "linear layers", id="number for a matrix"),
        pytest.param(changed(actor_0_weight=torch.zeros(4, 8, 3, 3)), "linear layers", id="convolution"),
        pytest.param({"actor.00.weight": torch.zeros(4, 8)}, None, id="number with a zero in front"),
        pytest.param({0: torch.zeros(4, 8)}, None, id="names that are numbers"),
        pytest.param({"state_dict": network().state_dict()}, "expected a state dict", id="nested"),
        pytest.param({**network().state_dict(), "epoch": 3}, "expected a state dict", id="more than tensors"),
        pytest.param([torch.zeros(1)], "expected a state dict", id="list"),
        pytest.param(torch.zeros(4, 8), "expected a state dict", id="tensor"),
        pytest.param(None, "expected a state dict", id="nothing"),
        pytest.param(network(), "not a plain PyTorch state dict", id="whole module"),
        pytest.param({"actor.0.weight": np.zeros((4, 8))}, "not a plain PyTorch state dict", id="numpy"),
    ],
)
def test_content_that_is_no_actor_is_refused(
    tmp_path: Path, lunar_lander: EnvSpec, content: Any, reason: str | None
) -> None:
    with pytest.raises(InputRefused, match=reason):
        load_source(save(tmp_path / "a.pth", content), lunar_lander)


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("zipped", [True, False])
def test_hostile_state_dict_is_refused_and_not_run(
    tmp_path: Path, lunar_lander: EnvSpec, zipped: bool
) -> None:
    content = {**network().state_dict(), "actor.0.weight": Bomb(tmp_path / "exploded")}
    path = tmp_path / "a.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputRefused, match="not a plain PyTorch state dict"):
        load_source(path, lunar_lander)
    assert not (tmp_path / "exploded").exists()


def test_hostile_pickle_is_refused_and_not_run(tmp_path: Path, lunar_lander: EnvSpec) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded"), protocol=2))
    with pytest.raises(InputRefused):
        load_source(path, lunar_lander)
    assert not (tmp_path / "exploded").exists()


def test_the_hostile_pickle_would_run(tmp_path: Path) -> None:
    # Without this the two tests above would show nothing.
    pickle.loads(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x80\x02}", b"\x80\x02."], ids=repr)
def test_other_content_is_refused(tmp_path: Path, lunar_lander: EnvSpec, content: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(InputRefused, match=r"a\.pth(: | is empty\.)"):
        load_source(path, lunar_lander)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_truncated_state_dict_is_refused(state_dict: Path, lunar_lander: EnvSpec, share: float) -> None:
    content = state_dict.read_bytes()
    state_dict.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputRefused, match=r"LunarLander\.pth: "):
        load_source(state_dict, lunar_lander)


@pytest.mark.filterwarnings("ignore")  # of what PyTorch finds odd in a broken file
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_damaged_state_dict_is_read_or_refused(tmp_path: Path, zipped: bool) -> None:
    spec = envs.resolve("CartPole-v1")
    path = tmp_path / "a.pth"
    torch.save(network((4, 3, 2)).state_dict(), path, _use_new_zipfile_serialization=zipped)
    sound = path.read_bytes()
    generator = random.Random(SEED)
    refused = 0
    for _ in range(300):
        damaged = bytearray(sound)
        for _ in range(generator.choice([1, 1, 3, 20])):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            load_source(path, spec)
        except InputRefused:
            refused += 1
    assert refused > 50


def test_unknown_environment_is_no_crash(state_dict: Path) -> None:
    with pytest.raises(UsageError, match="LunarLander"):
        load_source(state_dict, EnvSpec("LunarLandr-v3"))
