"""Stable-Baselines3's `evaluate_policy` as a contender of `eval_speed.py`.

    .bench-venv/bin/python benchmarks/peers/stable_baselines_evaluate.py WEIGHTS --episodes 500 --envs 1

WEIGHTS (.npz, made by `eval_speed.py`) are those of the policy that lander evaluates, so the episodes have
the same lengths; PPO's MlpPolicy has the same layers. `--envs` is the number of environments in a
DummyVecEnv; `evaluate_policy` is usually called with one. `--render-mode rgb_array` is the default of
`make_vec_env` for an id (stable_baselines.py says what it costs). On the CPU, with PyTorch's own choice of
threads. Only `evaluate_policy` is timed. One JSON object on stdout.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from measure import ENV, FIRST_SEED, cpu_seconds, publish, versions


def main() -> None:
    """Score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--envs", type=int, default=1)
    parser.add_argument("--render-mode", choices=("rgb_array",))
    options = parser.parse_args()

    env = make_vec_env(
        ENV, n_envs=options.envs, seed=FIRST_SEED, env_kwargs={"render_mode": options.render_mode}
    )
    model = PPO("MlpPolicy", env, device="cpu")
    with np.load(options.weights) as data:
        weights = {name: torch.from_numpy(data[name]) for name in data.files}
    names = model.policy.load_state_dict({**model.policy.state_dict(), **weights})
    assert not names.unexpected_keys, "weights of another network"

    cpu, started = cpu_seconds(), time.perf_counter()
    returns, lengths = evaluate_policy(
        model, env, n_eval_episodes=options.episodes, return_episode_rewards=True
    )
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    publish(
        {
            "steps": int(sum(lengths)),
            "seconds": seconds,
            "cpu_seconds": cpu,
            "mean_return": float(np.mean(returns)),
            "torch_threads": torch.get_num_threads(),
            "render_mode": options.render_mode,
            "versions": versions("stable_baselines3", "torch", "gymnasium"),
        }
    )
    env.close()


if __name__ == "__main__":
    main()
