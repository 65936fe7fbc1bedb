"""Small runs for tests: settings, an observer that records, and what a run writes."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lander_trainer import (
    Checkpoint,
    Progress,
    RunDirectory,
    TrainConfig,
    TrainObserver,
    TrainResult,
    UpdateMetrics,
    train,
)

SEED = 1

TIMES = (
    "seconds",
    "steps_per_second",
    "environment_seconds",
    "inference_seconds",
    "update_seconds",
    "selection_seconds",
)
"""What in a row of metrics depends on the clock."""


def settings(env_id: str, **values: Any) -> TrainConfig:
    """Small settings: 6 updates of 4 x 16 steps; much of the time of such a run is drawing its curve."""
    plain = {
        "env": env_id,
        "seed": SEED,
        "steps": 6 * 64,
        "device": "cpu",
        "backend": "gymnasium",
        "lanes": 4,
        "rollout_steps": 16,
        "minibatches": 2,
        "hidden_sizes": (8,),
        "selection_episodes": 4,
        "selections": 2,
        "checkpoint_seconds": 1e6,
        "workers": 1,
        "critic_process": "no",
    }
    return TrainConfig(**(plain | values))


class Recorder(TrainObserver):
    """Records all calls."""

    def __init__(self) -> None:
        self.starts: list[tuple[TrainConfig, Path, Progress]] = []
        self.updates: list[UpdateMetrics] = []

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.starts.append((config, run, progress))

    def on_update(self, metrics: UpdateMetrics) -> None:
        self.updates.append(metrics)


def train_until(config: TrainConfig, run: RunDirectory, update: int, **options: Any) -> TrainResult:
    """Train and stop after `update`."""
    recorder = Recorder()
    return train(
        config, run, observer=recorder, stop=lambda: recorder.updates[-1].update >= update, **options
    )


def tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a checkpoint whose names start with `prefix`."""
    return {name: t for name, t in Checkpoint.load(path).tensors.items() if name.startswith(prefix)}


def weights(path: Path) -> dict[str, Tensor]:
    return tensors(path, "network.")


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def updates_in(run: RunDirectory) -> list[int]:
    return [row["update"] for row in run.read_metrics()]


def timeless_rows(run: RunDirectory) -> list[dict[str, Any]]:
    """The metrics without what depends on the clock."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in run.read_metrics()]
