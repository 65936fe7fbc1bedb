"""Opens policies and runs episodes for a long time, and draws the memory that this takes.

    python benchmarks/soak.py [--episodes 200000] [--loads 2000] [--out soak.json] [--picture soak.png]

Memory that grows with the work is a leak, in this code or in what it calls. Loads come first, then episodes
of the policy that ships, in one process and in reports of 1,000, so that each report's memory is free again.
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

from lander_runtime import Policy, evaluate
from lander_runtime.files import write_text
from lander_runtime.shipped import shipped_policies
from lander_runtime.versions import evaluation_packages, installed_versions
from machine import machine

POLICY = "lunarlander-v3"
EPISODES_AT_ONCE, LOADS_AT_ONCE = 1_000, 100
WARM_UP = 0.2
"""Share of the work after which memory should no longer grow: arenas and caches fill at first."""


def main() -> None:
    """Run what the options say, and write and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=200_000)
    parser.add_argument("--loads", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Stop after so many.")
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    parser.add_argument("--picture", type=Path, help="A .png or .svg of the memory curves.")
    given = parser.parse_args()
    path = shipped_policies()[POLICY]
    policy = Policy.load(path, "cpu")

    def load(done: int, count: int) -> None:
        for _ in range(count):
            Policy.load(path, "cpu")

    def run(done: int, count: int) -> None:
        evaluate(policy, episodes=count, first_seed=1_000_000 + done, lanes=32, workers=1)

    stop = time.monotonic() + given.seconds
    found = {
        "loads": curve(load, given.loads, LOADS_AT_ONCE, stop),
        "episodes": curve(run, given.episodes, EPISODES_AT_ONCE, stop),
    }
    text = json.dumps({"machine": machine(), "versions": versions(policy), **found}, indent=2)
    write_text(given.out, text + "\n")
    for name, one in found.items():
        print(in_words(name, one))
    if given.picture is not None:
        draw(found, given.picture)


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


def growth(found: dict[str, list[float]]) -> float:
    """MB from the end of the warm-up to the end."""
    first = max(1, int(WARM_UP * len(found["done"])))
    return found["megabytes"][-1] - found["megabytes"][min(first, len(found["done"]) - 1)]


def in_words(name: str, found: dict[str, list[float]]) -> str:
    """Such as `200,000 episodes in 1,400 s: 92.1 MB at the end, +0.3 MB after the first fifth`."""
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
        one.set(xlabel=name, ylabel="MB resident", ylim=(0, None))
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
