"""Trains with TorchRL for a few steps and writes the state dicts of its actors and of a loss.

    pip install torchrl 'gymnasium[box2d]'
    python benchmarks/peers/files/make_torchrl.py FOLDER

The networks are those of TorchRL's PPO tutorial and of its PPO, SAC, TD3 and DQN recipes
(sota-implementations). Each is fitted for a few steps to random targets: only the names and what becomes of
the outputs count.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict
from tensordict.nn import (
    AddStateIndependentNormalScale,
    NormalParamExtractor,
    TensorDictModule,
    TensorDictSequential,
)
from torch import nn
from torchrl.envs.utils import ExplorationType, set_exploration_type
from torchrl.modules import MLP, ProbabilisticActor, QValueActor, TanhModule, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss

from saving import describe, observations


def tutorial(low: torch.Tensor, high: torch.Tensor) -> Any:
    """The PPO tutorial's actor."""
    net = nn.Sequential(
        nn.LazyLinear(32), nn.Tanh(), nn.LazyLinear(32), nn.Tanh(), nn.LazyLinear(2), NormalParamExtractor()
    )
    return probabilistic(net, low, high)


def ppo(low: torch.Tensor, high: torch.Tensor) -> Any:
    """The PPO recipe's: one deviation for all observations."""
    net = nn.Sequential(mlp(3, 1, nn.Tanh), AddStateIndependentNormalScale(1, scale_lb=1e-8))
    return probabilistic(net, low, high)


def sac(low: torch.Tensor, high: torch.Tensor) -> Any:
    """The SAC recipe's: the network gives the deviation too."""
    return probabilistic(nn.Sequential(mlp(3, 2, nn.ReLU), NormalParamExtractor()), low, high)


def td3(low: torch.Tensor, high: torch.Tensor) -> Any:
    """The TD3 recipe's: tanh as a module."""
    body = TensorDictModule(mlp(3, 1, nn.ReLU), in_keys=["observation"], out_keys=["param"])
    return TensorDictSequential(body, TanhModule(in_keys=["param"], out_keys=["action"], low=low, high=high))


def dqn(low: torch.Tensor, high: torch.Tensor) -> Any:
    """The DQN recipe's."""
    return QValueActor(module=mlp(4, 2, nn.ReLU), in_keys=["observation"], action_space="categorical")


def mlp(inputs: int, outputs: int, activation: type[nn.Module]) -> MLP:
    """TorchRL's MLP with two hidden layers."""
    return MLP(in_features=inputs, out_features=outputs, num_cells=[32, 32], activation_class=activation)


def probabilistic(net: nn.Module, low: torch.Tensor, high: torch.Tensor) -> ProbabilisticActor:
    """An actor that rescales by TanhNormal."""
    return ProbabilisticActor(
        TensorDictModule(net, in_keys=["observation"], out_keys=["loc", "scale"]),
        in_keys=["loc", "scale"], distribution_class=TanhNormal,
        distribution_kwargs={"low": low, "high": high},
    )  # fmt: skip


RECIPES: dict[str, tuple[Callable[..., Any], str, list[str]]] = {
    "tutorial-ppo": (tutorial, "Pendulum-v1", ["--squash", "tanh"]),
    "ppo": (ppo, "Pendulum-v1", ["--squash", "tanh"]),
    "sac": (sac, "Pendulum-v1", ["--squash", "tanh", "--activation", "relu"]),
    "td3": (td3, "Pendulum-v1", ["--activation", "relu"]),
    "dqn": (dqn, "CartPole-v1", ["--activation", "relu"]),
}


def act(actor: Any, obs: NDArray[np.float32]) -> NDArray[Any]:
    """Greedy actions."""
    data = TensorDict({"observation": torch.from_numpy(obs)}, batch_size=[len(obs)])
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        return actor(data)["action"].numpy()


def fit(actor: Any, obs: NDArray[np.float32]) -> None:
    """A few steps away from the first weights."""
    act(actor, obs[:1])  # Lazy layers get their sizes.
    data = TensorDict({"observation": torch.from_numpy(obs)}, batch_size=[len(obs)])
    optimiser = torch.optim.Adam(actor.parameters(), 3e-3)
    targets = torch.randn(len(obs), 1)
    for _ in range(50):
        out = actor(data.clone())
        key = next(key for key in ("loc", "param", "action_value") if key in out)
        optimiser.zero_grad()
        ((out[key] - targets) ** 2).mean().backward()
        optimiser.step()


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, env_id, options) in RECIPES.items():
        torch.manual_seed(1)
        space: Any = gymnasium.make(env_id).action_space
        continuous = isinstance(space, gymnasium.spaces.Box)
        bounds = (torch.tensor(space.low), torch.tensor(space.high)) if continuous else (None, None)
        actor = make(*bounds)
        fit(actor, observations(env_id))
        saved = {f"torchrl-{name}": actor.state_dict()}
        if name == "sac":
            critic = ValueOperator(mlp(3, 1, nn.ReLU), in_keys=["observation"])
            saved["torchrl-ppo-loss"] = ClipPPOLoss(actor, critic).state_dict()
        for stem, content in saved.items():
            torch.save(content, folder / f"{stem}.pt")
            describe(
                folder / f"{stem}.pt", library="TorchRL", package="torchrl",
                recipe=stem.removeprefix("torchrl-"), env_id=env_id, options=options,
                act=lambda obs, actor=actor: act(actor, obs),
            )  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
