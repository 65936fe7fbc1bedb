"""Where a run starts from: checkpoints, policy files, and networks of one's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lander_export import export, load_source
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.policy.policy import Policy
from lander_runtime.spec import Space
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.networks.custom import give_network
from lander_trainer.ppo.normaliser import Normaliser
from lander_trainer.start import begin, read_start

OBSERVATION = Space("Box", (4,), "float32")
ACTION = Space("Discrete", (), "int64", n=2)


def config(**values: Any) -> TrainConfig:
    usual: dict[str, Any] = {
        "env": "CartPole-v1", "steps": 64, "backend": "gymnasium", "device": "cpu", "lanes": 4, "workers": 1,
        "rollout_steps": 16, "minibatches": 2, "selection_episodes": 1, "selections": 1, "hidden_sizes": (8,),
        "activation": "relu",
    }  # fmt: skip
    return TrainConfig().with_values({**usual, **values})


@pytest.fixture(scope="module")
def normalising(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    run = RunDirectory.create("CartPole-v1", tmp_path_factory.mktemp("start") / "run")
    train(config(normalize_observations=True), run)
    return run


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a policy file."""
    run = RunDirectory.create("CartPole-v1", tmp_path_factory.mktemp("start") / "run")
    train(config(), run)
    export(load_source(run.best), run.path / "policy.onnx", episodes=0, gif=False)
    return run.path


def test_a_checkpoint_brings_its_network_and_its_statistics(normalising: RunDirectory) -> None:
    start = read_start(normalising.path)
    wanted = start.adopted(config(hidden_sizes=(64, 64), activation="tanh"), {})
    assert (wanted.hidden_sizes, wanted.activation, wanted.normalize_observations) == ((8,), "relu", True)
    assert wanted.init == str(normalising.best)
    network, statistics = begin(wanted, OBSERVATION, ACTION)
    stored = Checkpoint.load(normalising.best)
    for name, tensor in network.state_dict().items():
        assert tensor.equal(stored.tensors[f"network.{name}"]), name
    normaliser = Normaliser(wanted, (4,))
    normaliser.start_from(statistics)
    ours, theirs = normaliser.frozen, stored.normaliser().frozen
    assert ours is not None
    assert theirs is not None
    assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))


def test_a_policy_file_gives_its_actor_and_a_new_critic(plain: Path) -> None:
    start = read_start(plain / "policy.onnx")
    wanted = start.adopted(config(hidden_sizes=(64, 64), activation="tanh"), {})
    assert (wanted.hidden_sizes, wanted.activation) == ((8,), "relu")
    network, _ = begin(wanted, OBSERVATION, ACTION)
    policy = Policy.load(plain / "policy.onnx", "cpu")
    observations = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    with torch.inference_mode():
        found = network.outputs(torch.from_numpy(observations)).numpy()
    assert np.allclose(found, policy.outputs(observations)["logits"], atol=1e-5)
    assert not network.critic[0].weight.equal(
        Checkpoint.load(plain / "best.safetensors").network().critic[0].weight
    )


def test_a_run_goes_on_from_there_and_says_so(plain: Path, tmp_path: Path) -> None:
    start = read_start(plain)
    run = RunDirectory.create("CartPole-v1", tmp_path / "run")
    train(start.adopted(config(learning_rate=1e-12), {}), run)
    stored = Checkpoint.load(run.checkpoint)
    assert stored.config.init_sha256 == start.sha256
    before = Checkpoint.load(plain / "best.safetensors").network().actor[0].weight
    assert torch.allclose(stored.network().actor[0].weight, before, atol=1e-6)
    recipe = load_source(run.checkpoint).reproduce
    assert recipe is not None
    assert f"--init {plain / 'best.safetensors'}" in recipe.command


def test_what_cannot_be_started_from_is_refused(
    plain: Path, normalising: RunDirectory, tmp_path: Path
) -> None:
    with pytest.raises(InputRefused, match="a folder without"):
        read_start(tmp_path)
    export(load_source(normalising.best), tmp_path / "policy.onnx", episodes=0, gif=False)
    with pytest.raises(InputRefused, match="without a normaliser"):
        read_start(tmp_path / "policy.onnx")
    wanted = read_start(plain).adopted(config(), {})
    with pytest.raises(
        UsageError, match=r"has other observations .*: float32 \[4\] there, float32 \[3\] here"
    ):
        begin(wanted, Space("Box", (3,), "float32"), ACTION)
    with pytest.raises(UsageError, match="do not fit the network"):
        begin(wanted.with_values({"hidden_sizes": "9"}), OBSERVATION, ACTION)
    with pytest.raises(InputRefused, match="init_sha256 says 00"):
        begin(wanted.with_values({"init_sha256": "00"}), OBSERVATION, ACTION)
    # As typed, or from a card: before the digest of the file that is there takes its place.
    with pytest.raises(InputRefused, match="init_sha256 says 00"):
        read_start(plain).adopted(config(init_sha256="00"), {})


class Own(nn.Module):
    """Actor and critic share a body of kinds of layers that the trainer does not have."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU())
        self.actor, self.critic = nn.Linear(8, outputs), nn.Linear(8, 1)

    def forward(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.body(obs)
        return self.actor(features), self.critic(features)


def test_a_network_of_ones_own_is_trained_stored_and_exported(tmp_path: Path) -> None:
    run = RunDirectory.create("CartPole-v1", tmp_path / "run")
    train(config(network=give_network(Own), seed=3), run)
    stored = Checkpoint.load(run.checkpoint)
    assert stored.config.learner == "autograd"
    torch.manual_seed(3)
    assert not stored.tensors["network.module.actor.weight"].equal(Own().actor.weight)

    exported = export(load_source(run.best), tmp_path / "policy.onnx", episodes=0, gif=False)
    assert exported.info.verification.action_agreement == 1.0
    assert load_source(run.best).reproduce is None
    train(config(network=stored.config.network, seed=3, steps=128), run, resume=True)
    assert Checkpoint.load(run.checkpoint).progress.updates == 2


def test_initial_weights_follow_the_seed_of_a_class_and_stay_those_of_a_module() -> None:
    by_seed = [begin(config(network=give_network(Own), seed=seed), OBSERVATION, ACTION) for seed in (1, 1, 2)]
    weights = [one.network.state_dict()["module.body.0.weight"] for one in by_seed]
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])
    module = Own()
    network, _ = begin(config(network=give_network(module)), OBSERVATION, ACTION)
    assert network.state_dict()["module.body.0.weight"].equal(module.body[0].weight)
    assert network.state_dict()["module.body.0.weight"] is not module.body[0].weight


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (
            Own(3),
            r"outputs [2, 2] and values [2] or [2, 1] for observations [2, 4], all float32. It gave [2, 3]",
        ),
        (nn.Linear(4, 2), "It gave Tensor"),
        (nn.Linear(5, 2), "It raised RuntimeError"),
    ],
)
def test_a_network_that_computes_something_else_is_refused(network: nn.Module, named: str) -> None:
    with pytest.raises(UsageError) as refused:
        begin(config(network=give_network(network)), OBSERVATION, ACTION)
    assert named in str(refused.value)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UsageError, match="found int"):
        give_network(3)
    with pytest.raises(UsageError, match="found dict"):
        give_network(dict)
    with pytest.raises(UsageError, match="Making it raised ZeroDivisionError: "):
        give_network(lambda: 1 // 0)


def test_a_name_brings_no_network() -> None:
    with pytest.raises(UsageError, match=r"code is never taken from a file\. Name it: --network os:system"):
        begin(config(network="os:system#00000000"), OBSERVATION, ACTION)
    with pytest.raises(UsageError, match="Use learner=autograd"):
        train(config(network=give_network(Own), learner="handwritten"), RunDirectory(Path("unused")))
