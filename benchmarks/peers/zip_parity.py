"""Episodes of Stable-Baselines3's `evaluate_policy` beside those of `lander eval` on the exported zip.

    pip install stable-baselines3 sb3-contrib onnx onnxruntime 'gymnasium[box2d]'   (apart from lander's own)
    python benchmarks/peers/zip_parity.py --lander lander [--out FILE]

Each policy is trained for a few thousand steps, saved, scored by both on the same 50 seeds, and the returns
of every episode are compared. Monitor rounds returns to six decimals, so that is what equal means.

For continuous actions two things say whether a difference is more than PyTorch's rounding
(zip_rounding.py). The returns of `evaluate_policy` itself, where PyTorch computes each action within a
batch, with the hidden units in another order or in double precision, or where each action's last bit is
changed. And, on all observations of the 50 episodes, how far the actions of each of these ways and of the
exported file lie from `predict`.
"""

import argparse
import json
import subprocess
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from sb3_contrib import QRDQN, TQC, TRPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import zip_rounding

FIRST_SEED, EPISODES = 1_000_000, 50
Recipe = tuple[type[BaseAlgorithm], str, int, dict[str, Any]]
RECIPES: list[Recipe] = [
    (PPO, "LunarLander-v3", 6_000, {}),
    (DQN, "LunarLander-v3", 3_000, {}),
    (PPO, "CartPole-v1", 4_000, {}),
    (A2C, "CartPole-v1", 3_000, {}),
    (QRDQN, "CartPole-v1", 3_000, {}),
    (SAC, "Pendulum-v1", 800, {}),
    (TQC, "Pendulum-v1", 400, {}),
    (TD3, "Pendulum-v1", 800, {}),
    (PPO, "Pendulum-v1", 4_000, {"use_sde": True, "vecnormalize": True}),
    (TRPO, "LunarLanderContinuous-v3", 4_000, {}),
    (SAC, "LunarLanderContinuous-v3", 600, {"use_sde": True}),
]


class Seeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Resets with the seeds of `lander eval`, one after the other, whatever asks."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.next_seed = FIRST_SEED

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.next_seed += 1
        return self.env.reset(seed=self.next_seed - 1)


class Nudged(gymnasium.ActionWrapper[Any, Any, Any]):
    """Gives the environment the next float32 after each action: the smallest difference that there is."""

    def action(self, action: Any) -> Any:
        return np.nextafter(action, np.float32(0.0))


class Seen(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Keeps every observation."""

    def __init__(self, env: gymnasium.Env[Any, Any], kept: list[Any]) -> None:
        super().__init__(env)
        self.kept = kept

    def observation(self, observation: Any) -> Any:
        self.kept.append(observation)
        return observation


def theirs(
    model: Any, env_id: str, normaliser: Path | None, *, nudged: bool = False, seen: list[Any] | None = None
) -> np.ndarray:
    """Returns by `evaluate_policy`; all observations are added to `seen`."""

    def make() -> gymnasium.Env[Any, Any]:
        env = Seen(Seeded(gymnasium.make(env_id)), [] if seen is None else seen)
        return Monitor(Nudged(env) if nudged else env)

    env: Any = DummyVecEnv([make])
    if normaliser is not None:
        env = VecNormalize.load(str(normaliser), env)
        env.training = env.norm_reward = False
    returns, _ = evaluate_policy(model, env, EPISODES, deterministic=True, return_episode_rewards=True)
    return np.array(returns, dtype=np.float64)


def ours(lander: str, path: Path, env_id: str, normaliser: Path | None) -> list[float]:
    """Returns by `lander export` and `lander eval`."""
    policy, report = path.with_suffix(".onnx"), path.with_suffix(".json")
    statistics = [] if normaliser is None else ["--vecnormalize", str(normaliser)]
    export = ["export", str(path), "--env", env_id, "--out", str(policy), "--episodes", "0", "--no-gif"]
    subprocess.run([lander, *export, *statistics], check=True)
    evaluate = ["eval", str(policy), "--episodes", str(EPISODES), "--gif-episodes", "none"]
    subprocess.run([lander, *evaluate, "--out", str(report)], check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())["returns"]


def measure(
    lander: str, folder: Path, recipe: tuple[type[BaseAlgorithm], str, int, dict[str, Any]]
) -> dict[str, Any]:
    """One row of the table."""
    algorithm, env_id, steps, options = recipe
    settings = dict(options)
    behind = settings.pop("vecnormalize", False)
    env: Any = VecNormalize(DummyVecEnv([lambda: gymnasium.make(env_id)])) if behind else env_id
    model = algorithm("MlpPolicy", env, seed=1, device="cpu", **settings)
    model.learn(steps)
    path = folder / f"{algorithm.__name__}-{env_id}.zip"
    model.save(path)
    normaliser = folder / f"{path.stem}.pkl" if behind else None
    if normaliser is not None:
        env.save(str(normaliser))
    seen: list[Any] = []
    expected = theirs(model, env_id, normaliser, seen=seen)
    found = np.round(ours(lander, path, env_id, normaliser), 6)
    differences = np.abs(found - expected)
    row = {
        "algorithm": algorithm.__name__, "env": env_id, "steps": steps, "options": options,
        "episodes": EPISODES, "mean_return": float(expected.mean()), "equal": int((differences == 0).sum()),
        "largest_difference": float(differences.max()),
    }  # fmt: skip
    if isinstance(model.action_space, gymnasium.spaces.Box):
        row |= rounding(model, env_id, normaliser, path.with_suffix(".onnx"), expected, found, seen)
    print(json.dumps(row), flush=True)
    return row


def rounding(
    model: BaseAlgorithm, env_id: str, normaliser: Path | None, policy: Path, expected: np.ndarray,
    found: np.ndarray, seen: list[Any],
) -> dict[str, Any]:  # fmt: skip
    """What PyTorch's own rounding does to returns and to actions."""
    others = {name: theirs(other, env_id, normaliser) for name, other in zip_rounding.variants(model).items()}
    others["last bit"] = theirs(model, env_id, normaliser, nudged=True)
    own = np.stack([expected, *others.values()])
    raw = np.asarray(seen, np.float32)
    env: Any = (
        None
        if normaliser is None
        else VecNormalize.load(str(normaliser), DummyVecEnv([lambda: gymnasium.make(env_id)]))
    )
    shown = raw if env is None else env.normalize_obs(raw)
    return {
        "own_differences": {name: float(np.abs(other - expected).max()) for name, other in others.items()},
        "within_own_range": int(((found >= own.min(axis=0)) & (found <= own.max(axis=0))).sum()),
        "observations": len(raw),
        "last_bits": zip_rounding.spread(model, policy, shown, raw),
    }


def main() -> None:
    """Print a row for every recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--lander", default="lander", help="the command")
    parser.add_argument("--only", default="", help="only rows with this in algorithm and environment")
    parser.add_argument("--out", type=Path, help="where to write the table as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(arguments.lander, Path(folder), recipe)
            for recipe in RECIPES
            if arguments.only in f"{recipe[0].__name__} {recipe[1]}"
        ]
    versions = {
        name: version(name)
        for name in ("stable-baselines3", "sb3-contrib", "torch", "onnxruntime", "gymnasium")
    }
    if arguments.out is not None:
        text = json.dumps({"versions": versions, "first_seed": FIRST_SEED, "rows": rows}, indent=1)
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main()
