"""Stable-Baselines3's PPO on the simulator: a VecEnv of 60 lines, and how long a mean of 200 takes on each.

    pip install stable-baselines3
    python examples/simulator/sb3_ppo.py                 the simulator
    python examples/simulator/sb3_ppo.py --gymnasium     Gymnasium's environment, for comparison

`--until-200` stops at that mean (docs/simulator.md has the times). The model is scored in Gymnasium's
environment in both cases, and `lander export lander_ppo.zip --env LunarLander-v3` makes an ONNX policy of
what is saved.
"""

import argparse
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from lander_simulator import LunarLanderBatch, LunarLanderVectorEnv

ZOO: dict[str, Any] = {
    "n_steps": 1024,
    "batch_size": 64,
    "gae_lambda": 0.98,
    "gamma": 0.999,
    "n_epochs": 4,
    "ent_coef": 0.01,
}
"""RL Baselines3 Zoo's settings for LunarLander-v3, for 16 environments."""


class LunarLanderVecEnv(VecEnv):
    """`num_envs` landers, each reset in the step that ends its episode, as Stable-Baselines3 wants it."""

    def __init__(self, num_envs: int) -> None:
        spaces = LunarLanderVectorEnv(1)
        self.render_mode = None
        super().__init__(num_envs, spaces.single_observation_space, spaces.single_action_space)
        spaces.close()
        self._batch = LunarLanderBatch(num_envs)
        self._actions: NDArray[Any] = np.zeros(num_envs, np.int64)

    def reset(self) -> NDArray[np.float32]:
        # A seed is met once: later episodes go on with each lander's generator.
        obs, self._seeds = self._batch.reset(self._seeds), [None] * self.num_envs
        return obs

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        obs, rewards, terminated, truncated = self._batch.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            for i in np.flatnonzero(done):
                infos[i]["terminal_observation"] = obs[i].copy()
                infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
            obs[done] = self._batch.reset(lanes=done)[done]
        return obs, rewards.astype(np.float32), done, infos

    def close(self) -> None:
        self._batch.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name)] * len(self._listed(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(f"the simulator's landers have no attribute {attr_name} to set")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise AttributeError(f"the simulator's landers have no method {method_name}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(self._listed(indices))

    def _listed(self, indices: int | Sequence[int] | None) -> Sequence[int]:
        return list(self._get_indices(indices))


class TimeTo200(BaseCallback):
    """Notes when the last 100 training episodes first average 200, and may stop there."""

    def __init__(self, stop: bool) -> None:
        super().__init__()
        self.stop = stop
        self.returns: deque[float] = deque(maxlen=100)
        self.found: str | None = None

    def _on_training_start(self) -> None:
        self.began, self.used = time.perf_counter(), time.process_time()

    def _on_step(self) -> bool:
        self.returns += [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        if self.found is None and len(self.returns) == 100 and np.mean(self.returns) >= 200:
            clock, processor = time.perf_counter() - self.began, time.process_time() - self.used
            self.found = f"{clock:.1f} s ({processor:.1f} s of processor time), {self.num_timesteps:,} steps"
        return not (self.stop and self.found)


def main() -> None:
    """Train, say when 200 was reached, score, save."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--gymnasium", action="store_true", help="train in Gymnasium's environment")
    options.add_argument("--steps", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--until-200", action="store_true", help="stop at a training mean of 200")
    chosen = options.parse_args()

    envs = (
        make_vec_env(lambda: gym.make("LunarLander-v3"), n_envs=16)
        if chosen.gymnasium
        else VecMonitor(LunarLanderVecEnv(16))
    )
    model, watch = PPO("MlpPolicy", envs, **ZOO, seed=chosen.seed, device="cpu"), TimeTo200(chosen.until_200)
    began, used = time.perf_counter(), time.process_time()
    model.learn(chosen.steps, callback=watch)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print(
        f"{model.num_timesteps:,} steps in {seconds:.0f} s ({processor:.0f} s of processor time); "
        f"mean of 200 after {watch.found or 'never'}"
    )

    scored = Monitor(gym.make("LunarLander-v3"))
    scored.reset(seed=1_000_000)
    mean, std = evaluate_policy(model, scored, n_eval_episodes=100)
    print(f"100 episodes in Gymnasium's environment: {mean:.1f} ± {std:.1f}")
    model.save("lander_ppo.zip")


if __name__ == "__main__":
    main()
