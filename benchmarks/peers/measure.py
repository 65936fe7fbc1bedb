"""The clock, the scoring and the options of every contender of `train_speed.py`, the same for all.

The clock starts when imports, environments and networks are ready, just before the first reset, and stops
when the training call returns. Compilation in the first steps, saving and selections count; imports, set-up
and scoring do not.

Needs gymnasium and numpy only: it runs in lander's environment and in that of the peers.
"""

import argparse
import json
import math
import platform
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

ENV = "LunarLander-v3"
THRESHOLD = 200.0
"""Return at which LunarLander-v3 counts as solved."""
FIRST_SEED = 1_000_000
"""Episode i is scored on seed FIRST_SEED + i; no contender trains there."""


class Clock:
    """Time of a training run, and when its last 100 episodes first average the threshold."""

    def __init__(self, until_solved: bool = False) -> None:
        """With `until_solved` the run is `over` as soon as it reaches the threshold."""
        self._until_solved = until_solved
        self.environment_seconds = 0.0
        """Time spent stepping the environments; the caller adds to it."""
        self.seconds_to_threshold: float | None = None
        self.steps_to_threshold: int | None = None
        self.mean_return: float | None = None
        """Mean return of the last 100 training episodes."""
        self.episodes = 0
        self._returns: deque[float] = deque(maxlen=100)
        self._started = self._stopped = self._cpu_seconds = math.nan
        self._first_update: dict[str, Any] | None = None
        self._peak_rss = self._children_rss = 0.0

    def start(self) -> None:
        """Call when everything is built, just before training."""
        self._started = time.perf_counter()
        self._cpu_before = cpu_seconds()

    def updated(self, steps: int) -> None:
        """Call after an update: the first one is told apart, because JAX compiles in it."""
        if self._first_update is None:
            used = round(cpu_seconds() - self._cpu_before, 3)
            self._first_update = {"steps": steps, "cpu_seconds": used}

    def stop(self) -> None:
        """Call when training has returned."""
        self._stopped = time.perf_counter()
        self._cpu_seconds = cpu_seconds() - self._cpu_before
        # Here and not in `report`, because scoring opens environments of its own.
        self._peak_rss = peak_rss_mb() + self._children_rss

    def episode(self, return_: float, steps: int) -> None:
        """Call when a training episode has ended, after `steps` steps of all environments together."""
        self._returns.append(return_)
        self.note(sum(self._returns) / len(self._returns), self.episodes + 1, steps)

    def note(self, mean_return: float | None, episodes: int, steps: int) -> None:
        """Note that after `steps` steps, the last 100 of `episodes` episodes have this mean return."""
        self.mean_return, self.episodes = mean_return, episodes
        if self.steps_to_threshold is None and episodes >= 100 and (mean_return or 0.0) >= THRESHOLD:
            self.seconds_to_threshold = time.perf_counter() - self._started
            self.steps_to_threshold = steps

    def over(self) -> bool:
        """Whether training may stop now; every contender stops in its library's way."""
        return self._until_solved and self.steps_to_threshold is not None

    def note_children(self) -> None:
        """Call before training ends, while its child processes still run."""
        self._children_rss = children_peak_rss_mb()

    def report(self, steps: int) -> dict[str, Any]:
        """The measured run of `steps` steps as plain data."""
        seconds = self._stopped - self._started
        return {
            "steps": steps,
            "seconds": round(seconds, 3),
            "steps_per_second": round(steps / seconds, 1),
            # On a machine that is shared this says more than the time on the wall.
            "cpu_seconds": round(self._cpu_seconds, 3),
            "first_update": self._first_update,
            "seconds_to_200": _rounded(self.seconds_to_threshold),
            "steps_to_200": self.steps_to_threshold,
            "environment_seconds": round(self.environment_seconds, 3),
            "training_episodes": self.episodes,
            "training_mean_return": _rounded(self.mean_return),
            "peak_rss_mb": round(self._peak_rss, 1),
        }


def peak_rss_mb() -> float:
    """Peak memory of this process in MB of 10^6 bytes, including imports, without child processes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def children_peak_rss_mb() -> float:
    """Sum of the peak memory of all running child processes, in MB; 0 where there is no /proc.

    Shared pages count once for each process, so the sum is an upper bound. Not RUSAGE_CHILDREN: on Linux a
    child's maximum starts with its parent's memory at the fork.
    """
    kilobytes = 0
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text(encoding="ascii").split():
            status = Path(f"/proc/{child}/status").read_text(encoding="utf-8", errors="replace")
            kilobytes += sum(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    return kilobytes * 1024 / 1e6


def cpu_seconds() -> float:
    """Processor time of this process and of its child processes that have ended."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def score(act: Callable[[NDArray[np.float32]], NDArray[Any]], episodes: int) -> dict[str, Any]:
    """Greedy returns in Gymnasium's own environment, the same for all contenders.

    Args:
        act: observations `[episodes, 8]` -> greedy actions `[episodes]`. The batch keeps its size when
            episodes end, because JAX would compile again for every new size.
        episodes: episode i starts from seed FIRST_SEED + i.
    """
    envs = [gymnasium.make(ENV) for _ in range(episodes)]
    obs = np.stack([env.reset(seed=FIRST_SEED + i)[0] for i, env in enumerate(envs)])
    returns = np.zeros(episodes)
    running = set(range(episodes))
    while running:
        actions = act(obs)
        for i in sorted(running):
            obs[i], reward, terminated, truncated, _ = envs[i].step(int(actions[i]))
            returns[i] += float(reward)
            if terminated or truncated:
                running.remove(i)
    for env in envs:
        env.close()
    return {
        "greedy_mean": round(float(returns.mean()), 2),
        "greedy_std": round(float(returns.std()), 2),
        "greedy_min": round(float(returns.min()), 2),
        "greedy_episodes": episodes,
    }


def parser(description: str | None, contenders: tuple[str, ...] = ()) -> argparse.ArgumentParser:
    """The options that all runners share; with `contenders` if one script runs several."""
    shared = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if contenders:
        shared.add_argument("contender", choices=contenders)
    shared.add_argument("--steps", type=int, default=1_000_000)
    shared.add_argument("--seed", type=int, default=1)
    shared.add_argument("--episodes", type=int, default=100, help="to score on")
    shared.add_argument("--until-solved", action="store_true", help="stop at a training mean of 200")
    shared.add_argument("--threads", type=int, help="of PyTorch; by default as many as it takes itself")
    return shared


def versions(*distributions: str) -> dict[str, str]:
    """Versions of Python and of `distributions`, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in distributions}}


def publish(result: dict[str, Any]) -> None:
    """Print the one JSON object."""
    print(json.dumps(result, allow_nan=False))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
