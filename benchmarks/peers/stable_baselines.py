"""Stable-Baselines3 (`sb3`, PyTorch) and SBX (`sbx`, JAX) as contenders of `train_speed.py`.

    .bench-venv/bin/python benchmarks/peers/stable_baselines.py sb3 --steps 1_000_000 --seed 1

PPO with the settings that RL Baselines3 Zoo gives for LunarLander-v3 (hyperparams/ppo.yml), sixteen
environments in a DummyVecEnv as there, on the CPU, with PyTorch's own choice of threads unless
`--threads` says otherwise. SBX runs the same settings; JAX compiles inside the run, most of it in the first
update, which is told apart. One JSON object on stdout.

The zoo makes its environments without a render mode. `make_vec_env` with an id, as in the library's examples,
sets what `--render-mode rgb_array` sets here, and with it comes the engine's smoke: particles that Box2D
simulates and that only `render` removes before the episode ends. That is several times as slow (Gymnasium's
issue 170).
"""

import os
import time
from typing import Any

import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from measure import ENV, Clock, parser, publish, score, versions

LANES = 16
ZOO: dict[str, Any] = {
    "n_steps": 1024,
    "batch_size": 64,
    "gae_lambda": 0.98,
    "gamma": 0.999,
    "n_epochs": 4,
    "ent_coef": 0.01,
}


class TimedVecEnv(DummyVecEnv):
    """A DummyVecEnv that adds up the time it spends stepping."""

    seconds = 0.0

    def step_wait(self) -> VecEnvStepReturn:
        before = time.perf_counter()
        result = super().step_wait()
        self.seconds += time.perf_counter() - before
        return result


class Watch(BaseCallback):
    """Drives the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def _on_rollout_start(self) -> None:
        if self.num_timesteps:
            self.clock.updated(self.num_timesteps)

    def _on_step(self) -> bool:
        if self.locals["dones"].any():
            for info in self.locals["infos"]:
                if "episode" in info:  # the Monitor of make_vec_env, at an episode's end
                    self.clock.episode(float(info["episode"]["r"]), self.num_timesteps)
        return not self.clock.over()


def main() -> None:
    """Train, score, print."""
    words = parser(__doc__, ("sb3", "sbx"))
    words.add_argument("--render-mode", choices=("rgb_array",), help="of the training environments")
    options = words.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.contender == "sb3":
        from stable_baselines3 import PPO

        libraries = ("stable_baselines3", "torch", "gymnasium")
    else:
        if options.threads == 1:  # JAX reads it when it is imported
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        from sbx import PPO

        libraries = ("sbx-rl", "stable_baselines3", "jax", "gymnasium")
    clock = Clock(options.until_solved)
    envs = make_vec_env(
        ENV,
        n_envs=LANES,
        seed=options.seed,
        vec_env_cls=TimedVecEnv,
        env_kwargs={"render_mode": options.render_mode},
    )
    model = PPO("MlpPolicy", envs, **ZOO, seed=options.seed, device="cpu", verbose=0)

    clock.start()
    model.learn(options.steps, callback=Watch(clock))
    clock.stop()
    clock.environment_seconds = envs.seconds

    def greedy(obs: NDArray[Any]) -> NDArray[Any]:
        return model.predict(obs, deterministic=True)[0]

    publish(
        {
            **clock.report(model.num_timesteps),
            **score(greedy, options.episodes),
            "scored": "final weights",
            "torch_threads": torch.get_num_threads(),
            "render_mode": options.render_mode,
            "versions": versions(*libraries),
        }
    )
    envs.close()


if __name__ == "__main__":
    main()
