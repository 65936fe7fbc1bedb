"""Processor time per step: the simulator beside Gymnasium and envpool, in turns in one process.

    python benchmarks/simulator_speed.py [--rounds 5] [--steps 30_000] [--out simulator_speed.json]

Only the environments' own time is counted, in seconds of processor time of the whole process, so that other
people's work on the machine counts as little as it can. "landing" are flights by the policy that ships,
"random" are random actions. Gymnasium runs one environment as `gymnasium.make` gives it; envpool and the
simulator run 64 lanes on one thread. Medians over the rounds.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lander_simulator import LunarLanderBatch
from machine import machine

POLICY = Path(__file__).parents[1] / "models" / "lunarlander-v3" / "policy.onnx"
SCHEMA = "lander.simulator_speed/1"
LANES = 64
WARM_UP = 300
"""Steps of every lane before the clock runs: by then the lanes' episodes are at different points."""

Array = NDArray[Any]
Pilot = Callable[[Array], Array]
"""Observations [lanes, 8] to actions int32 [lanes]."""


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--steps", type=int, default=30_000, help="of each contender in a round; ours get 20 times"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    contenders: dict[str, Callable[[Pilot, int], float]] = {
        "gymnasium": gymnasium_rate,
        "envpool, 64 lanes": envpool_rate,
        "simulator, 64 lanes": lambda pilot, steps: simulator_rate(pilot, 20 * steps, LANES),
        "simulator, 1024 lanes": lambda pilot, steps: simulator_rate(pilot, 20 * steps, 1024),
        "simulator, 64 lanes, width 4": lambda pilot, steps: simulator_rate(pilot, 20 * steps, LANES, 4),
    }
    rates: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in contenders} for kind in ("landing", "random")
    }
    for _ in range(options.rounds):
        for kind, pilot in (("landing", shipped_policy()), ("random", random_pilot())):
            for name, measure in contenders.items():
                rates[kind][name].append(measure(pilot, options.steps))
    report = {
        "schema": SCHEMA,
        "command": " ".join(["python", "benchmarks/simulator_speed.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: metadata.version(name) for name in ("gymnasium", "envpool", "numpy", "box2d")},
        "steps_per_processor_second": rates,
    }
    print(table(rates))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def table(rates: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: steps per second of processor time, and how many times Gymnasium's and envpool's that is."""
    lines = [f"{platform.machine()}, Python {platform.python_version()}", ""]
    lines += ["| | steps/s | lowest to highest | x Gymnasium | x envpool |", "|---|---|---|---|---|"]
    for kind, of_kind in rates.items():
        medians = {name: statistics.median(values) for name, values in of_kind.items()}
        for name, values in of_kind.items():
            median = medians[name]
            by_gymnasium = median / medians["gymnasium"]
            by_envpool = median / medians["envpool, 64 lanes"]
            spread = f"{min(values):,.0f} to {max(values):,.0f}"
            lines.append(
                f"| {kind}: {name} | {median:,.0f} | {spread} | {by_gymnasium:.1f} | {by_envpool:.1f} |"
            )
    return "\n".join(lines)


def shipped_policy() -> Pilot:
    """The policy that ships, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(POLICY), options)
    return lambda observations: session.run(["action"], {"obs": observations})[0].astype(np.int32)


def random_pilot() -> Pilot:
    """Every action as likely as another."""
    rng = np.random.default_rng(0)
    return lambda observations: rng.integers(0, 4, len(observations)).astype(np.int32)


def rate(step: Callable[[Array], Array], first: Array, pilot: Pilot, steps: int, warm_up: int) -> float:
    """Steps per second of processor time in `step`, which takes actions and returns observations."""
    observations, spent, lanes = first, 0, len(first)
    rounds = max(1, steps // lanes)
    for t in range(warm_up + rounds):
        actions = pilot(observations)
        began = time.process_time_ns()
        observations = step(actions)
        if t >= warm_up:
            spent += time.process_time_ns() - began
    return lanes * rounds / (spent * 1e-9)


def gymnasium_rate(pilot: Pilot, steps: int) -> float:
    """One environment; a reset counts as a step, as it does in a vector environment."""
    env = gym.make("LunarLander-v3")
    first, _ = env.reset(seed=1)
    over = False

    def step(actions: Array) -> Array:
        nonlocal over
        if over:
            over = False
            return env.reset()[0][None]
        observation, _, terminated, truncated, _ = env.step(int(actions[0]))
        over = terminated or truncated
        return observation[None]

    return rate(step, first[None], pilot, steps, WARM_UP)


def envpool_rate(pilot: Pilot, steps: int) -> float:
    """Envpool's lanes on one thread of its own, whose processor time is the process's too."""
    import envpool

    pool = envpool.make("LunarLander-v3", env_type="gymnasium", num_envs=LANES, num_threads=1, seed=1)
    first, _ = pool.reset()
    measured = rate(lambda actions: pool.step(actions)[0], first, pilot, steps, WARM_UP)
    pool.close()
    return measured


def simulator_rate(pilot: Pilot, steps: int, lanes: int, width: int | None = None) -> float:
    """The simulator's lanes on one thread."""
    batch = LunarLanderBatch(lanes, width=width)
    first = batch.reset(list(range(lanes)))
    return rate(lambda actions: batch.step(actions).observations, first, pilot, steps, WARM_UP)


if __name__ == "__main__":
    main()
