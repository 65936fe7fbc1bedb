"""How near the simulator is to Gymnasium's LunarLander: step by step, replayed, flown, and trained in.

    python benchmarks/simulator_fidelity.py [--episodes 10_000] [--replays 1_000] [--only flight,replay,loop]
        [--policies shipped,heuristic,...] [--worlds plain,wind,...] [--onnx NAME=PATH ...]
        [--out simulator_fidelity.json] [--resume]

flight  random actions in both from the same seeds; the largest and the usual error of what is observed, per
        step
replay  episodes that the shipped policy flew in Gymnasium, and the simulator with the same actions
loop    every policy flies in both from the same seeds, deciding for itself: paired differences, the distance
        of the distributions (Kolmogorov and Smirnov), landed shares, and whether they keep to the bounds
train   with `--native A.json --gymnasium B.json`, two files of benchmarks/seeds.py, made with
        `--set backend=native` and `--set backend=gymnasium`: the difference of their greedy scores, which
        Gymnasium gave both

Writes a JSON file with every figure, a PNG, and the loops' episodes (.npz) beside it. With `--resume` what
the files have is kept: a stopped measurement goes on with the episodes that it lacks, and other worlds or
policies are added. `--onnx` adds policies of the caller's; they fly in the worlds that take their actions.
"""

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import onnxruntime

from lander_runtime.files import write_text
from lander_simulator import LunarLanderBatch
from machine import machine
from simulator_loop import FIRST_SEED, Episodes, compare, table
from simulator_pilots import Array, Pilot, pilots

SCHEMA = "lander.simulator_fidelity/2"

WORLDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "wind": {"enable_wind": True},
    "gravity -4": {"gravity": -4.0},
    "gravity -11.5": {"gravity": -11.5},
    "continuous": {"continuous": True},
}


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
    parser.add_argument("--resume", action="store_true", help="keep what --out and its episodes have")
    options = parser.parse_args()
    parts = options.only.split(",")

    report = begin(options)
    episodes = Episodes(options.out.with_suffix(".npz"), options.resume)
    if "flight" in parts:
        report["flight"] = {world: free_flight(options.flights, WORLDS[world]) for world in WORLDS}
    if "replay" in parts:
        report["replay"] = replay(options.replays)
        print(json.dumps(report["replay"], indent=1))
    if "loop" in parts:
        for world in options.worlds.split(","):
            for pilot in pilots(
                options.policies.split(","), options.onnx, WORLDS[world].get("continuous", False)
            ):
                fly(report, episodes, pilot, world, options.episodes)
                write_text(options.out, json.dumps(report, indent=2) + "\n")
        print(table(report["loop"]))
    if "train" in parts and options.native and options.gymnasium:
        report["train"] = trained(options.native, options.gymnasium)
    write_text(options.out, json.dumps(report, indent=2) + "\n")
    draw(report, episodes.pairs, options.out.with_suffix(".png"))


def begin(options: argparse.Namespace) -> dict[str, Any]:
    """The report to add to: the file's with `--resume`, else one that says what is measured and where."""
    command = shlex.join(["python", "benchmarks/simulator_fidelity.py", *sys.argv[1:]])
    new = {
        "schema": SCHEMA,
        "commands": [command],
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {
            "gymnasium": gym.__version__,
            "numpy": np.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        "first_seed": FIRST_SEED,
        "policies": {},
        "loop": [],
    }
    if not (options.resume and options.out.exists()):
        return new
    kept = json.loads(options.out.read_text(encoding="utf-8"))
    if kept["schema"] != SCHEMA or kept["versions"] != new["versions"]:
        sys.exit(f"{options.out} was measured with other versions ({kept['versions']}); name another --out.")
    return {**kept, "date": new["date"], "commands": list(dict.fromkeys([*kept["commands"], command]))}


def fly(report: dict[str, Any], episodes: Episodes, pilot: Pilot, world: str, count: int) -> None:
    """Add a policy's comparison in a world to the report, in place of one with fewer episodes."""
    known = report["policies"].setdefault(pilot.name, pilot.sha256)
    if known != pilot.sha256:
        sys.exit(f"The episodes of {pilot.name} are of another file ({known}); give this one another name.")
    pairs = episodes.fly(f"{pilot.name}, {world}", pilot, WORLDS[world], count)
    row = {"policy": pilot.name, "world": world, **compare(pilot.name, pairs)}
    others = [old for old in report["loop"] if (old["policy"], old["world"]) != (pilot.name, world)]
    report["loop"] = [*others, row]
    print(json.dumps(row), flush=True)


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


def draw(report: dict[str, Any], episodes: dict[str, Array], path: Path) -> None:
    """Errors in free flight, and for each world the returns' distributions on top of each other."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    worlds = [world for world in WORLDS if any(name.endswith(f", {world}") for name in episodes)]
    columns = min(3, 1 + len(worlds))
    rows = -(-(1 + len(worlds)) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(5 * columns, 4 * rows), layout="constrained", squeeze=False
    )
    panels = list(grid.flat)
    for world, flight in report.get("flight", {}).items():
        steps = np.arange(flight["steps"] + 1)
        line = panels[0].semilogy(steps, np.maximum(flight["observation_error_median"], 1e-9), label=world)[0]
        panels[0].semilogy(steps, flight["observation_error_largest"], color=line.get_color(), alpha=0.4)
    panels[0].set(
        xlabel="step", ylabel="error of an observation", title="Free flight: median, and the largest (pale)"
    )
    for axes, world in zip(panels[1:], worlds, strict=False):
        for name, pairs in episodes.items():
            policy, _, where = name.partition(", ")
            if where == world:
                shares = (np.arange(len(pairs)) + 0.5) / len(pairs)
                axes.plot(np.sort(pairs[:, 0, 0]), shares, label=policy, alpha=0.8)
                axes.plot(np.sort(pairs[:, 1, 0]), shares, color="black", linewidth=0.7, linestyle="--")
        axes.set(xlabel="return", ylabel="share of episodes", title=f"{world}: Gymnasium, simulator dashed")
    for axes in panels:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
        axes.set_visible(bool(axes.lines))
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
