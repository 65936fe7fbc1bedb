"""Lander's trainer as a contender of `doom_speed.py`: the preset without selections, one JSON object.

python benchmarks/peers/lander_doom.py VizdoomBasic-v1 --steps 20_000 --settings '{}'
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from lander_trainer import Progress, RunDirectory, TrainConfig, UpdateMetrics, preset, train
from measure import publish, versions


class Watch:
    """Starts the clock when the engines are ready, and adds up the time of each part of the updates."""

    def __init__(self) -> None:
        self.parts = dict.fromkeys(("environment", "inference", "update"), 0.0)

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.started = time.perf_counter()

    def on_update(self, metrics: UpdateMetrics) -> None:
        for part in self.parts:
            self.parts[part] += getattr(metrics, f"{part}_seconds")
        self.seconds, self.steps = time.perf_counter() - self.started, metrics.steps


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("env")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settings", type=json.loads, required=True)
    options = parser.parse_args()
    given = {"steps": options.steps, "seed": options.seed, "device": "cpu", "selection_episodes": 0}
    config = preset(options.env).with_values({**options.settings, **given})
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        train(config, RunDirectory.create(config.env, Path(folder) / "run"), observer=watch)
    publish(
        {
            "steps": watch.steps,
            "seconds": watch.seconds,
            "steps_per_second": watch.steps / watch.seconds,
            **{f"{part}_seconds": seconds for part, seconds in watch.parts.items()},
            "versions": versions("lander-rl", "torch", "gymnasium", "vizdoom"),
        }
    )


if __name__ == "__main__":
    main()
