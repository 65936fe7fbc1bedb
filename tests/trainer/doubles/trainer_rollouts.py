"""A rollout of random numbers, with ends and dummy rows at known places."""

from dataclasses import replace
from typing import Any

import numpy as np

from lander_trainer import TrainConfig
from lander_trainer.ppo.rollout import Rollout


def config_of(**values: Any) -> TrainConfig:
    """Settings for `rollout_of`: 4 lanes of 8 steps."""
    plain = {
        "lanes": 4,
        "rollout_steps": 8,
        "steps": 128,
        "minibatches": 2,
        "epochs": 2,
        "hidden_sizes": (8,),
        "reward_scale": 1.0,
        "device": "cpu",
    }
    return TrainConfig(**(plain | values))


def rollout_of(steps: int = 8, lanes: int = 4, *, end: str = "terminated", seed: int = 3) -> Rollout:
    """Random rows of 2 numbers and 3 actions; lane n ends at row n + 1, lane 0 also begins with a dummy."""
    rng = np.random.default_rng(seed)
    ends = np.zeros((steps, lanes), bool)
    for lane in range(lanes):
        ends[lane + 1, lane] = True
    live = np.ones((steps, lanes), bool)
    live[1:] = ~ends[:-1]
    live[0, 0] = False
    nothing = np.zeros_like(ends)
    rewards = rng.normal(size=(steps, lanes)).astype(np.float32)
    return Rollout(
        obs=rng.normal(size=(steps + 1, lanes, 2)).astype(np.float32),
        outputs=rng.normal(size=(steps, lanes, 3)).astype(np.float32),
        actions=rng.integers(0, 3, (steps, lanes)),
        rewards=np.where(live, rewards, np.float32(0.0)),
        terminated=ends if end == "terminated" else nothing,
        truncated=ends if end == "truncated" else nothing,
        live=live,
    )


def rollout_of_images(shape: tuple[int, ...], *, seed: int = 3, **options: Any) -> Rollout:
    """The same with random images for observations."""
    rollout = rollout_of(seed=seed, **options)
    pixels = np.random.default_rng(seed + 2).integers(0, 256, (*rollout.obs.shape[:2], *shape), np.uint8)
    return replace(rollout, obs=pixels)
