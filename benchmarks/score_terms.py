"""Where the points of a LunarLander episode come from, by the reward's own terms.

python benchmarks/score_terms.py models/lunarlander-v3/policy.onnx --episodes 100

The terms are those of `step` in gymnasium/envs/box2d/lunar_lander.py. docs/score.md explains them.
"""

import argparse

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lander_runtime import Policy
from lander_runtime.seeds import FIRST_EVALUATION_SEED

TERMS = ("distance", "speed", "angle", "legs", "main engine", "side engines", "last step")
MAIN_COST, SIDE_COST = 0.30, 0.03


def main() -> None:
    """Print the mean and the range of each term, of the return, and of the speed at the start."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy")
    parser.add_argument("--episodes", type=int, default=100)
    options = parser.parse_args()
    env, policy = gymnasium.make("LunarLander-v3"), Policy.load(options.policy, "cpu")
    seeds = range(FIRST_EVALUATION_SEED, FIRST_EVALUATION_SEED + options.episodes)
    rows = np.array([episode(env, policy, seed) for seed in seeds])
    returns, starts = rows[:, :-1].sum(axis=1), rows[:, -1]
    for name, values in zip((*TERMS, "speed at the start"), rows.T, strict=True):
        print(f"{name:20s} {values.mean():8.2f}  ({values.min():.2f} to {values.max():.2f})")
    print(f"{'return':20s} {returns.mean():8.2f}  ({returns.min():.2f} to {returns.max():.2f})")
    print(f"correlation of return and speed at the start: {np.corrcoef(returns, starts)[0, 1]:.3f}")


def episode(env: gymnasium.Env, policy: Policy, seed: int) -> list[float]:
    """Points by term, in the order of `TERMS`, then the speed at the start in the observation's units."""
    start = before = env.reset(seed=seed)[0]
    fuel = np.zeros(2)
    while True:
        action = int(policy.act(before))
        obs, reward, terminated, truncated, _ = env.step(action)
        if terminated:
            # The last reward replaces everything else in that step, the cost of its engines too.
            return [*(potential(before) - potential(start)), *fuel, float(reward), speed(start)]
        fuel -= (MAIN_COST * (action == 2), SIDE_COST * (action in (1, 3)))
        if truncated:
            return [*(potential(obs) - potential(start)), *fuel, 0.0, speed(start)]
        before = obs


def potential(obs: NDArray[np.float32]) -> NDArray[np.float64]:
    """The first four terms in one state; the environment pays what a step adds to them."""
    x, y, _, _, angle, _, left, right = obs.astype(np.float64)
    return np.array([-100 * np.hypot(x, y), -100 * speed(obs), -100 * abs(angle), 10 * (left + right)])


def speed(obs: NDArray[np.float32]) -> float:
    """Length of the velocity, in the units of the observation."""
    return float(np.hypot(*obs[2:4].astype(np.float64)))


if __name__ == "__main__":
    main()
