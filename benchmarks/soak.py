"""Opens policies and runs a million episodes twice, and draws the memory that this takes.

    python benchmarks/soak.py [--episodes 1000000] [--loads 2000] [--out soak.json] [--picture soak.png]

Memory that grows with the work is a leak, in this code or in what it calls, and so are threads and open
files. All in one process, with the policy that ships:

    loads     the file is opened
    scored    episodes through `evaluate`, in reports of 1,000, so that each report's memory is free again.
              The environment is a walk of a few steps, since Box2D's would take days
    flights   whole landings in the simulator, where the policy acts for 1,024 lanes at once
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from lander_runtime import Policy, evaluate
from lander_runtime.files import write_text
from lander_runtime.shipped import shipped_policies
from lander_runtime.spec import EnvSpec
from lander_runtime.versions import evaluation_packages, installed_versions
from lander_simulator import LunarLanderBatch
from machine import machine

POLICY = "lunarlander-v3"
AT_ONCE = {"loads": 100, "scored": 1_000, "flights": 10_000}
LANES = 1_024
STEPS = 8
"""Of an episode of the walk."""
WARM_UP = 0.2
"""Share of the work after which memory should no longer grow: arenas and caches fill at first."""


def main() -> None:
    """Run what the options say, and write and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=1_000_000, help="Scored, and flown.")
    parser.add_argument("--loads", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Stop after so many.")
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    parser.add_argument("--picture", type=Path, help="A .png or .svg of the memory curves.")
    given = parser.parse_args()
    gymnasium.register("Walk-v0", Walk)
    path = shipped_policies()[POLICY]
    policy = Policy.load(path, "cpu")

    def load(done: int, count: int) -> None:
        for _ in range(count):
            Policy.load(path, "cpu")

    def score(done: int, count: int) -> None:
        evaluate(policy, EnvSpec("Walk-v0"), episodes=count, first_seed=1_000_000 + done, lanes=32, workers=1)

    stop, before = time.monotonic() + given.seconds, in_use()
    found = {
        "loads": curve(load, given.loads, AT_ONCE["loads"], stop),
        "scored": curve(score, given.episodes, AT_ONCE["scored"], stop),
        "flights": curve(Flights(policy).fly, given.episodes, AT_ONCE["flights"], stop),
    }
    use = {"before": before, "after": in_use()}
    about = {"machine": machine(), "versions": versions(policy), "threads and files": use}
    text = json.dumps({**about, **found}, indent=2)
    write_text(given.out, text + "\n")
    for name, one in found.items():
        print(in_words(name, one))
    print(f"threads and open files: {use['before']} before, {use['after']} after")
    if given.picture is not None:
        draw(found, given.picture)


class Walk(gymnasium.Env[Any, Any]):
    """Takes the lander's actions and shows as many numbers, for a few steps, at next to no cost."""

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(-10.0, 10.0, (8,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._left = STEPS
        self._obs = self.np_random.standard_normal(8).astype(np.float32)
        return self._obs, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        self._obs = self._obs + np.float32(0.1 * (float(action) - 1.5))
        return self._obs, float(action), self._left == 0, False, {}


class Flights:
    """Lanes of the simulator that the policy flies on and on."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._batch = LunarLanderBatch(LANES)
        self._obs = self._batch.reset(range(LANES))
        self._over = 0

    def fly(self, done: int, count: int) -> None:
        """Until `done + count` episodes have ended, or a few more."""
        while self._over < done + count:
            step = self._batch.step(self._policy.act(self._obs))
            self._obs = step.observations
            self._over += int((step.terminated | step.truncated).sum())


def curve(work: Callable[[int, int], None], total: int, at_once: int, stop: float) -> dict[str, list[float]]:
    """Do `work` `total` times, `at_once` together; MB resident after each part, and seconds."""
    done, megabytes, seconds, start = [0], [resident()], [0.0], time.monotonic()
    for first, count in parts(total, at_once):
        if time.monotonic() > stop:
            break
        work(first, count)
        done.append(first + count)
        megabytes.append(resident())
        seconds.append(round(time.monotonic() - start, 1))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done[-1]:,} of {total:,}: {megabytes[-1]:.1f} MB ")
    return {"done": done, "megabytes": megabytes, "seconds": seconds}


def parts(total: int, at_once: int) -> Iterator[tuple[int, int]]:
    """First and count of each part."""
    return ((first, min(at_once, total - first)) for first in range(0, total, at_once))


def resident() -> float:
    """MB of this process in RAM; the highest so far where the system does not say the present."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 2)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def in_use() -> dict[str, int]:
    """Threads of this process, those of libraries too, and its open files; empty without Linux's /proc."""
    return {
        name: len(list(folder.iterdir()))
        for name, folder in (("threads", Path("/proc/self/task")), ("files", Path("/proc/self/fd")))
        if folder.is_dir()
    }


def growth(found: dict[str, list[float]]) -> float:
    """MB from the end of the warm-up to the end."""
    first = max(1, int(WARM_UP * len(found["done"])))
    return found["megabytes"][-1] - found["megabytes"][min(first, len(found["done"]) - 1)]


def in_words(name: str, found: dict[str, list[float]]) -> str:
    """Such as `1,000,000 scored in 140 s: 92.1 MB at the end, +0.3 MB after the first fifth`."""
    return (
        f"{found['done'][-1]:,} {name} in {found['seconds'][-1]:,.0f} s: {found['megabytes'][-1]:.1f} MB at "
        f"the end, {growth(found):+.1f} MB after the first fifth"
    )


def versions(policy: Policy) -> dict[str, str]:
    """Of the packages that run here."""
    return installed_versions(*evaluation_packages(policy.env.id))


def draw(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    """The curves, side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(found), figsize=(9, 3), layout="constrained")
    one: Any
    for one, (name, curve_) in zip(axes, found.items(), strict=True):
        one.plot(curve_["done"], curve_["megabytes"])
        one.set(xlabel=name, ylabel="MB resident", ylim=(0, 1.25 * max(curve_["megabytes"])))
        one.xaxis.set_major_locator(plt.MaxNLocator(2))
        one.xaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
