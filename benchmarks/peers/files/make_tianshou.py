"""Trains with Tianshou for a few hundred steps and writes its state dicts.

pip install tianshou 'gymnasium[box2d]'
python benchmarks/peers/files/make_tianshou.py FOLDER
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from tianshou.algorithm.modelfree.ddpg import ContinuousDeterministicPolicy
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.ppo import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy, ProbabilisticActorPolicy
from tianshou.algorithm.modelfree.sac import SAC, SACPolicy
from tianshou.algorithm.modelfree.td3 import TD3
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams, OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import (
    ContinuousActorDeterministic,
    ContinuousActorProbabilistic,
    ContinuousCritic,
)
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic
from torch import nn
from torch.distributions import Categorical, Independent, Normal

from saving import describe

Made = tuple[Any, Any]
"""An algorithm and its policy."""
ADAM = AdamOptimizerFactory(lr=1e-3)


def net(env: gymnasium.Env[Any, Any], *, q: bool = False, tanh: bool = False) -> Net:
    """A network for observations, or for observations and actions."""
    activation: Any = nn.Tanh if tanh else nn.ReLU
    extra: dict[str, Any] = {"action_shape": env.action_space.shape, "concat": True} if q else {}
    return Net(state_shape=env.observation_space.shape, hidden_sizes=[64, 64], activation=activation, **extra)


def ppo(env: gymnasium.Env[Any, Any]) -> Made:
    """As in Tianshou's MuJoCo examples: no tanh, clipped and rescaled by the policy."""
    actor = ContinuousActorProbabilistic(
        preprocess_net=net(env, tanh=True), action_shape=env.action_space.shape, unbounded=True
    )
    policy = ProbabilisticActorPolicy(
        actor=actor, dist_fn=lambda both: Independent(Normal(*both), 1), action_space=env.action_space,
        deterministic_eval=True,
    )  # fmt: skip
    critic = ContinuousCritic(preprocess_net=net(env, tanh=True))
    return PPO(policy=policy, critic=critic, optim=ADAM), policy


def discrete_ppo(env: gymnasium.Env[Any, Any]) -> Made:
    """PPO for discrete actions."""
    actor = DiscreteActor(preprocess_net=net(env), action_shape=env.action_space.n)  # type: ignore[attr-defined]
    policy = DiscreteActorPolicy(
        actor=actor, dist_fn=lambda probs: Categorical(probs=probs), action_space=env.action_space,
        deterministic_eval=True,
    )  # fmt: skip
    return PPO(policy=policy, critic=DiscreteCritic(preprocess_net=net(env)), optim=ADAM), policy


def dqn(env: gymnasium.Env[Any, Any]) -> Made:
    """A Q network."""
    model = Net(
        state_shape=env.observation_space.shape, action_shape=env.action_space.n, hidden_sizes=[64, 64]
    )  # type: ignore[attr-defined]
    policy = DiscreteQLearningPolicy(model=model, action_space=env.action_space)
    return DQN(policy=policy, optim=ADAM), policy


def sac(env: gymnasium.Env[Any, Any]) -> Made:
    """SAC: its policy squashes."""
    actor = ContinuousActorProbabilistic(
        preprocess_net=net(env), action_shape=env.action_space.shape, unbounded=True, conditioned_sigma=True
    )
    policy = SACPolicy(actor=actor, action_space=env.action_space)
    critic = ContinuousCritic(preprocess_net=net(env, q=True))
    return SAC(policy=policy, policy_optim=ADAM, critic=critic, critic_optim=ADAM), policy


def td3(env: gymnasium.Env[Any, Any]) -> Made:
    """TD3: its actor squashes."""
    actor = ContinuousActorDeterministic(preprocess_net=net(env), action_shape=env.action_space.shape)
    policy = ContinuousDeterministicPolicy(actor=actor, action_space=env.action_space)
    critic = ContinuousCritic(preprocess_net=net(env, q=True))
    return TD3(policy=policy, policy_optim=ADAM, critic=critic, critic_optim=ADAM), policy


RECIPES: dict[str, tuple[Any, str, bool, list[str]]] = {
    "ppo": (ppo, "Pendulum-v1", True, ["--activation", "tanh", "--squash", "clip"]),
    "discrete-ppo": (discrete_ppo, "CartPole-v1", True, []),
    "dqn": (dqn, "CartPole-v1", False, []),
    "sac": (sac, "Pendulum-v1", False, ["--squash", "tanh"]),
    "td3": (td3, "Pendulum-v1", False, ["--squash", "tanh"]),
}


def train(algorithm: Any, env_id: str, *, on_policy: bool) -> None:
    """One epoch."""
    envs = [DummyVectorEnv([lambda: gymnasium.make(env_id)]) for _ in range(2)]
    training = Collector(algorithm, envs[0], VectorReplayBuffer(5_000, 1), exploration_noise=True)
    common: dict[str, Any] = {
        "training_collector": training, "test_collector": Collector(algorithm, envs[1]), "max_epochs": 1,
        "epoch_num_steps": 600, "batch_size": 64, "test_step_num_episodes": 1, "show_progress": False,
    }  # fmt: skip
    if on_policy:
        parameters = OnPolicyTrainerParams(
            **common, update_step_num_repetitions=4, collection_step_num_env_steps=200
        )
    else:
        training.reset()
        training.collect(n_step=200, random=True)
        parameters = OffPolicyTrainerParams(
            **common, update_step_num_gradient_steps_per_sample=0.5, collection_step_num_env_steps=10
        )
    algorithm.run_training(parameters)


def greedy(policy: Any, obs: NDArray[np.float32]) -> NDArray[Any]:
    """Actions as the environment gets them."""
    policy.eval()
    with torch.no_grad():
        act = policy(Batch(obs=obs, info=Batch())).act
    return policy.map_action(act)


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, env_id, on_policy, options) in RECIPES.items():
        torch.manual_seed(1)
        algorithm, policy = make(gymnasium.make(env_id))
        train(algorithm, env_id, on_policy=on_policy)
        path = folder / f"tianshou-{name}.pth"
        torch.save(algorithm.state_dict(), path)
        describe(
            path, library="Tianshou", package="tianshou", recipe=f"{name}, algorithm.state_dict()",
            env_id=env_id, options=options, act=lambda obs, policy=policy: greedy(policy, obs),
        )  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
