"""One training run a backend with a preset: how fast, how soon it solves the task, how good it ends.

    python benchmarks/train_once.py [--preset default] [--seeds 1 2 3] [--backends gymnasium,envpool]

Runs follow one another in this process. "to 200" is the training time, selection included, until the
mean of the last 100 training episodes reaches the environment's reward threshold. The score is greedy,
of the best weights, on the scoring seeds.
"""

import argparse
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lander_runtime import envs, evaluate
from lander_trainer import Checkpoint, Progress, RunDirectory, TrainConfig, UpdateMetrics, preset, train

ENV = "LunarLander-v3"


class Stopwatch:
    """An observer that notes when the training mean reaches the threshold and where the time goes."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.solved: UpdateMetrics | None = None
        self.environment = self.total = 0.0

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        pass

    def on_update(self, metrics: UpdateMetrics) -> None:
        self.environment += metrics.environment_seconds
        self.total += metrics.environment_seconds + metrics.inference_seconds + metrics.update_seconds
        full = metrics.episodes >= 100
        if self.solved is None and full and (metrics.mean_return or 0.0) >= self.threshold:
            self.solved = metrics


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--backends", default="gymnasium,envpool")
    parser.add_argument("--episodes", type=int, default=100)
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, {ENV}")
    columns = (
        "backend",
        "seed",
        "steps",
        "time",
        "steps/s",
        "not stepping",
        "to 200",
        "score",
        "lowest",
        "success",
    )
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for seed in options.seeds:
        for backend in options.backends.split(","):
            config = preset(ENV, options.preset).with_values({"backend": backend, "seed": seed})
            print(row(config, options.episodes), flush=True)


def row(config: TrainConfig, episodes: int) -> str:
    """Train and score once; a row of the table."""
    spec = envs.resolve(config.env)
    watch = Stopwatch(spec.reward_threshold or 0.0)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(config.env, Path(folder) / "run")
        progress = train(config, run, observer=watch).progress
        actor = Checkpoint.load(run.best).network().actor

    def greedy(obs: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            return actor(torch.from_numpy(obs)).argmax(-1).numpy()

    summary = evaluate(greedy, spec, episodes=episodes).summary
    solved = (
        "never" if watch.solved is None else f"{watch.solved.seconds:.1f} s, {watch.solved.steps:,} steps"
    )
    outside = 1.0 - watch.environment / watch.total
    return (
        f"| {config.backend} | {config.seed} | {progress.steps:,} | {progress.seconds:.1f} s "
        f"| {progress.steps / watch.total:,.0f} | {outside:.0%} | {solved} "
        f"| {summary.mean_return:.1f} ± {summary.std_return:.1f} | {summary.min_return:.1f} "
        f"| {np.round(100 * (summary.success_rate or 0.0), 2):g}% |"
    )


if __name__ == "__main__":
    main()
