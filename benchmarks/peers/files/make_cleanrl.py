"""Runs CleanRL's own scripts for a few hundred steps and writes what they save.

    python benchmarks/peers/files/make_cleanrl.py CHECKOUT FOLDER

CHECKOUT is a clone of CleanRL with `cleanrl/` in it, in an environment with gymnasium 0.29.1, numpy 1.26,
tyro, tensorboard and moviepy. The scripts run to their end without --save-model, whose evaluation needs a
video encoder; then the same objects are saved as the scripts save them. sac_continuous_action.py saves
nothing: its users save the actor.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from saving import describe

Namespace = dict[str, Any]
Act = Callable[[torch.Tensor], torch.Tensor]
FEW = ["--total-timesteps", "900", "--learning-starts", "300"]
ROLLOUT = ["--total-timesteps", "1024", "--num-steps", "256"]


def q_network(made: Namespace) -> tuple[Any, Act]:
    """DQN: the network's own state dict."""
    return made["q_network"].state_dict(), lambda obs: made["q_network"](obs).argmax(1)


def c51(made: Namespace) -> tuple[Any, Act]:
    """C51: the network beside the settings."""
    content = {"model_weights": made["q_network"].state_dict(), "args": vars(made["args"])}
    return content, lambda obs: made["q_network"].get_action(obs)[0]


def discrete_agent(made: Namespace) -> tuple[Any, Act]:
    """PPO: actor and critic in one."""
    return made["agent"].state_dict(), lambda obs: made["agent"].actor(obs).argmax(1)


def gaussian_agent(made: Namespace) -> tuple[Any, Act]:
    """PPO for continuous actions."""
    space = made["envs"].single_action_space
    low, high = torch.tensor(space.low), torch.tensor(space.high)
    return made["agent"].state_dict(), lambda obs: made["agent"].actor_mean(obs).clamp(low, high)


def deterministic(made: Namespace) -> tuple[Any, Act]:
    """DDPG and TD3: a tuple of the actor's and the critics' state dicts."""
    critics = (made[name].state_dict() for name in ("qf1", "qf2") if name in made)
    return (made["actor"].state_dict(), *critics), lambda obs: made["actor"](obs)


def sac(made: Namespace) -> tuple[Any, Act]:
    """SAC: the actor alone."""
    return made["actor"].state_dict(), lambda obs: made["actor"].get_action(obs)[2]


RECIPES: list[tuple[str, str, list[str], Callable[[Namespace], tuple[Any, Act]], list[str]]] = [
    ("dqn", "CartPole-v1", FEW, q_network, []),
    ("c51", "CartPole-v1", FEW, c51, []),
    ("ppo", "CartPole-v1", ROLLOUT, discrete_agent, []),
    ("ppo_continuous_action", "Pendulum-v1", ROLLOUT, gaussian_agent, ["--normalizer", "none"]),
    ("ddpg_continuous_action", "Pendulum-v1", FEW, deterministic, []),
    ("td3_continuous_action", "Pendulum-v1", FEW, deterministic, []),
    ("sac_continuous_action", "Pendulum-v1", FEW, sac, []),
]


def main(checkout: Path, folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    sys.path.insert(0, str(checkout))
    for script, env_id, steps, take, options in RECIPES:
        sys.argv = [script, "--env-id", env_id, "--no-cuda", *steps]
        made = runpy.run_path(str(checkout / "cleanrl" / f"{script}.py"), run_name="__main__")
        content, act = take(made)
        path = folder / f"cleanrl-{script}.pth"
        torch.save(content, path)
        with torch.no_grad():
            describe(
                path, library="CleanRL", recipe=f"{script}.py", env_id=env_id, options=options,
                act=lambda obs, act=act: np.asarray(act(torch.from_numpy(obs))),
            )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
