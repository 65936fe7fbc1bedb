"""How near the simulator is to Gymnasium's LunarLander: step by step, replayed, flown, and trained in.

    python benchmarks/simulator_fidelity.py [--episodes 10_000] [--replays 1_000] [--only flight,replay,loop]
        [--policies shipped,heuristic,...] [--worlds plain,wind,...] [--onnx NAME=PATH ...]
        [--out simulator_fidelity.json]

flight  random actions in both from the same seeds; the largest and the usual error of what is observed, per
step replay  episodes that the shipped policy flew in Gymnasium, and the simulator with the same actions loop
every policy flies in both from the same seeds, deciding for itself: paired differences, the distance of the
        distributions (Kolmogorov and Smirnov), landed shares
train   with `--native A.json --gymnasium B.json`, two files of benchmarks/seeds.py made with `--set
backend=native`
        and `--set backend=gymnasium`: the difference of their greedy scores, which Gymnasium gave both

Writes a JSON file with every figure and a PNG beside it. `--onnx` adds policies of the caller's, discrete
ones.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lander_simulator import LunarLanderBatch
from machine import machine

POLICY = Path(__file__).parents[1] / "models" / "lunarlander-v3" / "policy.onnx"
SCHEMA = "lander.simulator_fidelity/1"
FIRST_SEED = 900_000
"""Episodes that no training uses, and that no reported score counts."""
TOGETHER = 250
"""Gymnasium's environments stepped side by side, for one call of the policy."""
STEP_LIMIT = 1000

Array = NDArray[Any]

WORLDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "wind": {"enable_wind": True},
    "gravity -4": {"gravity": -4.0},
    "gravity -11.5": {"gravity": -11.5},
    "continuous": {"continuous": True},
}


@dataclass(frozen=True)
class Pilot:
    """A policy: its name, and `act(observations [n, 8], seeds [n], step)`, integers or floats [n, 2]."""

    name: str
    act: Callable[[Array, Array, int], Array]
    continuous: bool = False


def main() -> None:
    """Compare, print tables, write the figures and the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=10_000, help="of each policy in each world")
    parser.add_argument("--replays", type=int, default=1_000)
    parser.add_argument("--flights", type=int, default=500)
    parser.add_argument("--only", default="flight,replay,loop,train")
    parser.add_argument("--policies", default="shipped,noisy,heuristic,random")
    parser.add_argument(
        "--worlds", default="plain", help=f"of {', '.join(WORLDS)}; heuristic and random fly in all"
    )
    parser.add_argument("--onnx", nargs="+", default=[], metavar="NAME=PATH")
    parser.add_argument("--native", type=Path)
    parser.add_argument("--gymnasium", type=Path)
    parser.add_argument("--out", type=Path, default=Path("simulator_fidelity.json"))
    options = parser.parse_args()
    parts = options.only.split(",")

    report: dict[str, Any] = {
        "schema": SCHEMA,
        "command": " ".join(["python", "benchmarks/simulator_fidelity.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {
            "gymnasium": gym.__version__,
            "numpy": np.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        "first_seed": FIRST_SEED,
    }
    returns: dict[str, tuple[Array, Array]] = {}
    if "flight" in parts:
        report["flight"] = {world: free_flight(options.flights, WORLDS[world]) for world in WORLDS}
    if "replay" in parts:
        report["replay"] = replay(options.replays)
        print(json.dumps(report["replay"], indent=1))
    if "loop" in parts:
        report["loop"] = []
        for world in options.worlds.split(","):
            for pilot in pilots(
                options.policies.split(","), options.onnx, WORLDS[world].get("continuous", False)
            ):
                theirs, ours = closed_loop(pilot, WORLDS[world], options.episodes)
                row = {"policy": pilot.name, "world": world, **compare(theirs, ours)}
                report["loop"].append(row)
                returns[f"{pilot.name}, {world}"] = (theirs[:, 0], ours[:, 0])
                print(json.dumps(row), flush=True)
    if "train" in parts and options.native and options.gymnasium:
        report["train"] = trained(options.native, options.gymnasium)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draw(report, returns, options.out.with_suffix(".png"))


def free_flight(flights: int, settings: dict[str, Any], steps: int = 60) -> dict[str, Any]:
    """Errors per step while nothing touches the ground, of observations (their own units) and rewards."""
    rng = np.random.default_rng(1)
    shape = (steps, flights, 2) if settings.get("continuous") else (steps, flights)
    actions = rng.uniform(-1, 1, shape).astype(np.float32) if len(shape) == 3 else rng.integers(0, 4, shape)
    batch = LunarLanderBatch(flights, **settings)
    ours = np.full((steps + 1, flights, 8), np.nan)
    rewards = np.full((steps + 1, flights), np.nan)
    ours[0] = batch.reset(list(range(FIRST_SEED, FIRST_SEED + flights)))
    for t, action in enumerate(actions, start=1):
        step = batch.step(action)
        ours[t], rewards[t] = step.observations, step.rewards
    env = gym.make("LunarLander-v3", **settings)
    errors = np.full((steps + 1, flights), np.nan)
    reward_errors = np.full((steps + 1, flights), np.nan)
    for i in range(flights):
        observation, _ = env.reset(seed=FIRST_SEED + i)
        errors[0, i] = np.abs(observation - ours[0, i]).max()
        for t in range(1, steps + 1):
            action = actions[t - 1, i]
            observation, reward, terminated, *_ = env.step(action if action.ndim else int(action))
            if terminated or observation[6:].any():
                break
            errors[t, i] = np.abs(observation - ours[t, i]).max()
            reward_errors[t, i] = abs(float(reward) - rewards[t, i])
    return {
        "flights": flights,
        "steps": steps,
        "observation_error_median": np.nanmedian(errors, 1).tolist(),
        "observation_error_largest": np.nanmax(errors, 1).tolist(),
        "reward_error_largest": float(np.nanmax(reward_errors)),
    }


def replay(episodes: int) -> dict[str, Any]:
    """Shares of episodes with the same touchdown, the same length and the same contact flags throughout."""
    pilot = next(pilot for pilot in pilots(["shipped"], [], False))
    recorded = record(pilot, episodes)
    batch = LunarLanderBatch(episodes)
    longest = max(len(actions) for _, actions in recorded)
    seen = np.full((longest + 1, episodes, 8), np.nan, np.float32)
    seen[0] = batch.reset(list(range(FIRST_SEED, FIRST_SEED + episodes)))
    lengths = np.zeros(episodes, int)
    theirs = np.array([len(actions) for _, actions in recorded])
    for t in range(1, longest + 1):
        step = batch.step(np.array([actions[t - 1] if t <= len(actions) else 0 for _, actions in recorded]))
        running = lengths == 0
        seen[t, running] = step.observations[running]
        ended = running & (step.terminated | step.truncated)
        lengths[ended] = t
        lengths[running & ~ended & (theirs <= t)] = t + 1  # Gymnasium's has ended, ours goes on
    touchdowns, flags = 0, 0
    for i, (observations, _) in enumerate(recorded):
        common = min(lengths[i], theirs[i]) + 1
        ours, own = seen[:common, i, 6:], observations[:common, 6:]
        touchdowns += int(np.argmax(ours.any(1)) == np.argmax(own.any(1)))
        flags += int(np.array_equal(ours, own))
    return {
        "episodes": episodes,
        "same_touchdown_step": touchdowns / episodes,
        "same_length": float(np.mean(lengths == theirs)),
        "same_contact_flags": flags / episodes,
    }


def record(pilot: Pilot, episodes: int) -> list[tuple[Array, Array]]:
    """Observations [T + 1, 8] and actions [T] of each episode in Gymnasium."""
    env = gym.make("LunarLander-v3")
    recorded = []
    for seed in range(FIRST_SEED, FIRST_SEED + episodes):
        observation, _ = env.reset(seed=seed)
        observations, actions, over = [observation], [], False
        while not over:
            action = int(pilot.act(observation[None], np.array([seed]), len(actions))[0])
            observation, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            observations.append(observation)
            actions.append(action)
        recorded.append((np.array(observations), np.array(actions)))
    return recorded


def closed_loop(pilot: Pilot, settings: dict[str, Any], episodes: int) -> tuple[Array, Array]:
    """[episodes, 3] of Gymnasium and of the simulator: return, length, whether it landed."""
    seeds = np.arange(FIRST_SEED, FIRST_SEED + episodes)
    theirs = [in_gymnasium(pilot, settings, part) for part in np.array_split(seeds, -(-episodes // TOGETHER))]
    return np.concatenate(theirs), in_simulator(pilot, settings, seeds)


def in_gymnasium(pilot: Pilot, settings: dict[str, Any], seeds: Array) -> Array:
    """Episodes side by side, one environment for each seed."""
    worlds = [gym.make("LunarLander-v3", **settings) for _ in seeds]
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
    for t in range(STEP_LIMIT):
        step = batch.step(pilot.act(observations, seeds, t))
        observations = step.observations
        result[running, 0] += step.rewards[running]
        result[running, 1] = t + 1
        result[running, 2] = (step.terminated & (step.rewards == 100))[running]
        running &= ~(step.terminated | step.truncated)
        if not running.any():
            break
    return result


def compare(theirs: Array, ours: Array) -> dict[str, float]:
    """Means, paired differences with the half widths of their 95% intervals, the returns' distance."""
    difference = ours - theirs
    half = 1.96 * difference.std(0, ddof=1) / np.sqrt(len(theirs))
    return {
        "episodes": len(theirs),
        "gymnasium_mean": float(theirs[:, 0].mean()),
        "simulator_mean": float(ours[:, 0].mean()),
        "difference": float(difference[:, 0].mean()),
        "difference_95": float(half[0]),
        "ks_distance": kolmogorov_smirnov(theirs[:, 0], ours[:, 0]),
        "gymnasium_length": float(theirs[:, 1].mean()),
        "simulator_length": float(ours[:, 1].mean()),
        "gymnasium_landed": float(theirs[:, 2].mean()),
        "simulator_landed": float(ours[:, 2].mean()),
        "landed_difference_95": float(half[2]),
        "same_return_within_0.1": float(np.mean(np.abs(difference[:, 0]) < 0.1)),
    }


def kolmogorov_smirnov(a: Array, b: Array) -> float:
    """The largest distance of the two empirical distribution functions."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(values), both, side="right") / len(values) for values in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def pilots(names: list[str], files: list[str], continuous: bool) -> list[Pilot]:
    """The policies asked for, those that act as the world takes it."""
    if continuous:
        made = [Pilot("heuristic", heuristic_continuous, True), Pilot("random", random_continuous, True)]
    else:
        shipped = onnx_pilot("shipped", POLICY)
        made = [shipped, noisy(shipped), Pilot("heuristic", heuristic), Pilot("random", random_discrete)]
    chosen = [pilot for pilot in made if pilot.name in names]
    if not continuous:
        chosen += [onnx_pilot(name, Path(path)) for name, path in (file.split("=", 1) for file in files)]
    return chosen


def onnx_pilot(name: str, path: Path) -> Pilot:
    """A discrete policy from its file, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    return Pilot(name, lambda obs, seeds, t: session.run(["action"], {"obs": obs.astype(np.float32)})[0])


def uniform(seeds: Array, t: int, draws: int = 1) -> Array:
    """Numbers in [0, 1) [n, draws] that follow from the episode's seed and the step: the same in both worlds.

    SplitMix64 (Steele, Lea and Flood, 2014).
    """
    columns = []
    for draw in range(draws):
        z = seeds.astype(np.uint64) * np.uint64(4096) + np.uint64(2 * t + draw)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        columns.append(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)
    return np.stack(columns, 1)


def random_discrete(observations: Array, seeds: Array, t: int) -> Array:
    """Any of the four actions."""
    return (4 * uniform(seeds, t)[:, 0]).astype(np.int64)


def random_continuous(observations: Array, seeds: Array, t: int) -> Array:
    """Anything in [-1, 1] for both engines."""
    return (2 * uniform(seeds, t, 2) - 1).astype(np.float32)


def noisy(pilot: Pilot, share: float = 0.45) -> Pilot:
    """A poor policy: `share` of its actions are random. The shipped one makes about 0 so."""

    def act(observations: Array, seeds: Array, t: int) -> Array:
        draws = uniform(seeds, t, 2)
        return np.where(
            draws[:, 0] < share, (4 * draws[:, 1]).astype(np.int64), pilot.act(observations, seeds, t)
        )

    return Pilot("noisy", act)


def intentions(observations: Array) -> tuple[Array, Array]:
    """What Gymnasium's `heuristic` wants to do about angle and height."""
    x, y, vx, vy, angle, spin, left, right = observations.T
    target = np.clip(0.5 * x + vx, -0.4, 0.4)
    standing = (left > 0) | (right > 0)
    turn = np.where(standing, 0.0, (target - angle) * 0.5 - spin)
    lift = np.where(standing, -0.5 * vy, (0.55 * np.abs(x) - y) * 0.5 - vy * 0.5)
    return turn, lift


def heuristic(observations: Array, seeds: Array, t: int) -> Array:
    """Gymnasium's own heuristic, for many observations at once."""
    turn, lift = intentions(observations)
    sideways = np.where(turn < -0.05, 3, np.where(turn > 0.05, 1, 0))
    return np.where((lift > np.abs(turn)) & (lift > 0.05), 2, sideways)


def heuristic_continuous(observations: Array, seeds: Array, t: int) -> Array:
    """The same with throttles."""
    turn, lift = intentions(observations)
    return np.clip(np.stack([lift * 20 - 1, -turn * 20], 1), -1, 1).astype(np.float32)


def trained(native: Path, gymnasium: Path) -> dict[str, float]:
    """Greedy scores of trainings in the two worlds: means, their difference, its 95% half width."""
    scores = [
        np.array([trial["mean"] for trial in json.loads(path.read_text(encoding="utf-8"))["trials"]])
        for path in (native, gymnasium)
    ]
    variance = sum(float(values.var(ddof=1)) / len(values) for values in scores)
    return {
        "native_mean": float(scores[0].mean()),
        "gymnasium_mean": float(scores[1].mean()),
        "difference": float(scores[0].mean() - scores[1].mean()),
        "difference_95": 1.96 * variance**0.5,
    }


def draw(report: dict[str, Any], returns: dict[str, tuple[Array, Array]], path: Path) -> None:
    """Errors in free flight, and the distributions of returns of both worlds on top of each other."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for world, flight in report.get("flight", {}).items():
        steps = np.arange(flight["steps"] + 1)
        line = left.semilogy(steps, np.maximum(flight["observation_error_median"], 1e-9), label=world)[0]
        left.semilogy(steps, flight["observation_error_largest"], color=line.get_color(), alpha=0.4)
    left.set(
        xlabel="step", ylabel="error of an observation", title="Free flight: median, and the largest (pale)"
    )
    for name, (theirs, ours) in returns.items():
        shares = (np.arange(len(theirs)) + 0.5) / len(theirs)
        line = right.plot(np.sort(theirs), shares, label=name)[0]
        right.plot(np.sort(ours), shares, color="black", linewidth=0.7, linestyle="--")
        line.set_alpha(0.8)
    right.set(
        xlabel="return", ylabel="share of episodes", title="Returns: Gymnasium, and the simulator (dashed)"
    )
    for axes in (left, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
