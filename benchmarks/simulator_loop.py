"""Closed loops in both worlds for `simulator_fidelity.py`: episodes, their comparison and its bounds.

Separate because these take hours: episodes are kept in a file, and a stopped measurement goes on there.
"""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from lander_runtime.files import atomic_write
from lander_simulator import LunarLanderBatch
from simulator_pilots import Array, Pilot

FIRST_SEED = 900_000
"""Episodes that no training uses, and that no reported score counts."""
TOGETHER = 250
"""Gymnasium's environments stepped side by side, for one call of the policy."""
BETWEEN_WRITES = 500
"""Episodes after which the file is written."""
STEP_LIMIT = 1000

MEAN_WITHIN, KS_AT_MOST, LANDED_WITHIN = 1.5, 0.02, 0.002
"""Bounds: of the mean difference's interval, the distributions' distance, the shipped policy's landed share.

Other policies' landed shares must agree within two paired standard errors.
"""


class Episodes:
    """Pairs of episodes by "policy, world", kept in a file.

    Each is [episodes, 2, 3]: of Gymnasium and of the simulator, its return, its length and whether it landed.
    """

    def __init__(self, file: Path, resume: bool) -> None:
        self.file = file
        self.pairs: dict[str, Array] = {}
        if resume and file.exists():
            with np.load(file) as kept:
                self.pairs = dict(kept)

    def fly(self, name: str, pilot: Pilot, settings: dict[str, Any], episodes: int) -> Array:
        """The pairs of `name`, as many as wanted: those kept, and the ones that they lack."""
        pairs = self.pairs.get(name, np.empty((0, 2, 3)))
        while len(pairs) < episodes:
            count = min(BETWEEN_WRITES, episodes - len(pairs))
            seeds = np.arange(count) + FIRST_SEED + len(pairs)
            pairs = np.concatenate([pairs, closed_loop(pilot, settings, seeds)])
            self.pairs[name] = pairs
            with atomic_write(self.file) as temporary, temporary.open("wb") as written:
                np.savez(written, allow_pickle=False, **self.pairs)
        return pairs[:episodes]


def closed_loop(pilot: Pilot, settings: dict[str, Any], seeds: Array) -> Array:
    """[seeds, 2, 3] of Gymnasium and of the simulator: return, length, whether it landed."""
    parts = np.array_split(seeds, -(-len(seeds) // TOGETHER))
    theirs = np.concatenate([in_gymnasium(pilot, settings, part) for part in parts])
    return np.stack([theirs, in_simulator(pilot, settings, seeds)], 1)


def in_gymnasium(pilot: Pilot, settings: dict[str, Any], seeds: Array) -> Array:
    """Episodes side by side, one environment for each seed."""
    worlds = [gym.make("LunarLander-v3", disable_env_checker=True, **settings) for _ in seeds]
    observations = np.array([env.reset(seed=int(seed))[0] for env, seed in zip(worlds, seeds, strict=True)])
    result = np.zeros((len(seeds), 3))
    running = list(range(len(seeds)))
    for t in range(STEP_LIMIT):
        actions = pilot.act(observations[running], seeds[running], t)
        going = []
        for i, action in zip(running, actions, strict=True):
            given = action if pilot.continuous else int(action)
            observations[i], reward, terminated, truncated, _ = worlds[i].step(given)
            result[i, 0] += float(reward)
            result[i, 1] = t + 1
            result[i, 2] = terminated and reward == 100
            if not (terminated or truncated):
                going.append(i)
        running = going
        if not running:
            break
    return result


def in_simulator(pilot: Pilot, settings: dict[str, Any], seeds: Array) -> Array:
    """All episodes at once, one lane for each seed."""
    batch = LunarLanderBatch(len(seeds), **settings)
    observations = batch.reset(seeds)
    result = np.zeros((len(seeds), 3))
    running = np.ones(len(seeds), bool)
    actions = np.zeros((len(seeds), 2), np.float32) if pilot.continuous else np.zeros(len(seeds), np.int64)
    for t in range(STEP_LIMIT):
        actions[running] = pilot.act(observations[running], seeds[running], t)
        step = batch.step(actions)
        observations = step.observations
        result[running, 0] += step.rewards[running]
        result[running, 1] = t + 1
        result[running, 2] = (step.terminated & (step.rewards == 100))[running]
        running &= ~(step.terminated | step.truncated)
        if not running.any():
            break
    return result


def compare(policy: str, pairs: Array) -> dict[str, Any]:
    """Means, paired differences with half widths of 95% intervals, the returns' distance, the bounds kept."""
    theirs, ours = pairs[:, 0], pairs[:, 1]
    difference = ours - theirs
    error = difference.std(0, ddof=1) / np.sqrt(len(theirs))
    mean, landed = float(difference[:, 0].mean()), float(difference[:, 2].mean())
    distance = kolmogorov_smirnov(theirs[:, 0], ours[:, 0])
    return {
        "episodes": len(theirs),
        "gymnasium_mean": float(theirs[:, 0].mean()),
        "simulator_mean": float(ours[:, 0].mean()),
        "difference": mean,
        "difference_95": float(1.96 * error[0]),
        "ks_distance": distance,
        "gymnasium_length": float(theirs[:, 1].mean()),
        "simulator_length": float(ours[:, 1].mean()),
        "gymnasium_landed": float(theirs[:, 2].mean()),
        "simulator_landed": float(ours[:, 2].mean()),
        "landed_difference_95": float(1.96 * error[2]),
        "same_return_within_0.1": float(np.mean(np.abs(difference[:, 0]) < 0.1)),
        "within": {
            "mean": bool(abs(mean) + 1.96 * error[0] <= MEAN_WITHIN),
            "ks": distance <= KS_AT_MOST,
            "landed": bool(abs(landed) <= (LANDED_WITHIN if policy == "shipped" else 2 * error[2])),
        },
    }


def kolmogorov_smirnov(a: Array, b: Array) -> float:
    """The largest distance of the two empirical distribution functions."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(values), both, side="right") / len(values) for values in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def table(rows: list[dict[str, Any]]) -> str:
    """The comparisons as a Markdown table; the last column names the bounds that a row is outside of."""
    columns = "policy | world | episodes | Gymnasium | difference | KS | landed, Gymnasium and simulator"
    lines = [f"| {columns} | returns within 0.1 | outside |", "|---" * 9 + "|"]
    for row in rows:
        outside = ", ".join(bound for bound, kept in row["within"].items() if not kept)
        lines.append(
            f"| {row['policy']} | {row['world']} | {row['episodes']:,} | {row['gymnasium_mean']:.1f} "
            f"| {row['difference']:+.3f} ± {row['difference_95']:.3f} | {row['ks_distance']:.4f} "
            f"| {row['gymnasium_landed']:.2%}, {row['simulator_landed']:.2%} "
            f"| {row['same_return_within_0.1']:.0%} | {outside or '-'} |"
        )
    return "\n".join(lines)
