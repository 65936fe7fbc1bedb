"""Runs of a training with several seeds that are there already: the same command goes on with them.

Apart from `seeds.py` because the workers ask the same: whether a run is done.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.training.request import ResumeRequest, TrainRequest
from lander_runtime.differing import differences, settings_in_short
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_trainer import TrainConfig, TrainResult

_OF_PROCESSES = ("workers", "critic_process", "checkpoint_seconds")
"""Settings that may differ: they change no weights, and how many trainings share the cores decides them."""


def begun_runs(request: TrainRequest, seeds: Sequence[int], config: "TrainConfig") -> dict[int, Path]:
    """The folders of the runs that are there, by seed.

    Args:
        request: what every seed trains with.
        seeds: of the runs.
        config: the settings of every run but for its seed, without `auto`.

    Raises:
        InputRefused: a checkpoint is damaged.
        UsageError: a run was trained with other settings.
    """
    if request.out is None:
        return {}
    folders = {seed: request.out / f"seed-{seed}" for seed in seeds}
    begun = {seed: path for seed, path in folders.items() if (path / "checkpoint.safetensors").is_file()}
    for seed, path in begun.items():
        _check_same_settings(path, config.with_values({"seed": seed}))
    return begun


def _check_same_settings(run: Path, wanted: "TrainConfig") -> None:
    from lander_trainer import Checkpoint

    there, here = (
        {name: value for name, value in config.to_dict().items() if name not in _OF_PROCESSES}
        for config in (Checkpoint.load(run / "checkpoint.safetensors").config, wanted)
    )
    if there == here:
        return
    its, asked = map(settings_in_short, differences([there, here]))
    raise UsageError(
        f"{run} was trained with other settings: {its} there, and {asked} now. Choose another --out, or type "
        "the settings that it was trained with."
    )


def resumption(request: TrainRequest, run: Path, settings: dict[str, Any]) -> ResumeRequest:
    """More of `run`, which was begun with `request`.

    Args:
        request: what every seed trains with.
        run: its folder.
        settings: those of the request, and of the workers.
    """
    return ResumeRequest(
        run=run, network=request.network, log=request.log, imports=request.imports,
        processes={name: value for name, value in settings.items() if name in _OF_PROCESSES},
    )  # fmt: skip


def finished(run: Path) -> "TrainResult | None":
    """How the run in that folder ended; None where it was stopped before its end."""
    from lander_trainer import Checkpoint, TrainResult
    from lander_trainer.selection import reaches

    checkpoint = Checkpoint.load(run / "checkpoint.safetensors")
    config, progress = checkpoint.config, checkpoint.progress
    reached = reaches(progress.best_score, config.target_score)
    out_of_time = config.time_limit is not None and progress.seconds >= config.time_limit
    if not (reached or out_of_time or progress.updates >= config.updates):
        return None
    return TrainResult(run, progress, interrupted=False, reached_target=reached)
