"""Lander's trainer as a contender of `train_speed.py`: preset `default`, one JSON object on stdout.

    python benchmarks/peers/lander.py lander-native --steps 1_000_000 --seed 1

Its time includes the selections on held-out seeds. The best weights are scored, because those are exported.
The training mean is checked once an update.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from lander_trainer import Checkpoint, Progress, RunDirectory, TrainConfig, UpdateMetrics, preset, train
from measure import ENV, Clock, parser, publish, score, versions

PARTS = ("environment_seconds", "inference_seconds", "update_seconds", "selection_seconds")
BACKENDS = {"lander-native": "native", "lander-envpool": "envpool", "lander-gymnasium": "gymnasium"}


class Watch:
    """An observer that drives the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.parts = dict.fromkeys(PARTS, 0.0)

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.threads = config.threads
        self.clock.start()

    def on_update(self, metrics: UpdateMetrics) -> None:
        row = asdict(metrics)
        for part in PARTS:
            self.parts[part] += row[part]
        self.clock.note(metrics.mean_return, metrics.episodes, metrics.steps)
        if metrics.done >= 1.0 or self.clock.over():
            self.clock.note_children()


def main() -> None:
    """Train, score, print."""
    words = parser(__doc__, tuple(BACKENDS))
    words.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the networks run")
    options = words.parse_args()
    backend = BACKENDS[options.contender]
    values = {"steps": options.steps, "seed": options.seed, "device": options.device}
    if options.threads is not None:
        values["threads"] = options.threads
    config = preset(ENV, "default", backend).with_values(values)
    clock = Clock(options.until_solved)
    watch = Watch(clock)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(config.env, Path(folder) / "run")
        progress = train(config, run, observer=watch, stop=clock.over).progress
        clock.stop()
        # A run that stopped before its first selection has only the last weights.
        actor = Checkpoint.load(run.best if run.best.exists() else run.checkpoint).network().actor

    def greedy(obs: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            return actor(torch.from_numpy(obs)).argmax(-1).numpy()

    parts = {name: round(seconds, 3) for name, seconds in watch.parts.items()}
    publish(
        {
            **clock.report(progress.steps),
            **parts,
            **score(greedy, options.episodes),
            "scored": "best weights on held-out seeds",
            "torch_threads": watch.threads,
            "device": options.device if options.device == "cpu" else torch.cuda.get_device_name(),
            "versions": versions("lander-rl", "torch", "gymnasium", *({backend} & {"envpool"})),
        }
    )


if __name__ == "__main__":
    main()
