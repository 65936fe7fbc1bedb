"""Train a policy with PPO in PyTorch: environment copies -> rollouts -> updates -> checkpoint.

    from lander_trainer import RunDirectory, preset, train
    train(preset("LunarLander-v3"), RunDirectory.create("LunarLander-v3"))

Names are resolved on first use (PEP 562), so that a worker process, which only steps environments,
does not load PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lander_trainer.checkpoint import Checkpoint, Progress
    from lander_trainer.config import TrainConfig
    from lander_trainer.metrics import UpdateMetrics
    from lander_trainer.presets import preset, training_command
    from lander_trainer.run_directory import RunDirectory, newest_run
    from lander_trainer.trainable import observation_bytes, prepare
    from lander_trainer.training import TrainObserver, TrainResult, train

__all__ = [
    "Checkpoint",
    "Progress",
    "RunDirectory",
    "TrainConfig",
    "TrainObserver",
    "TrainResult",
    "UpdateMetrics",
    "newest_run",
    "observation_bytes",
    "prepare",
    "preset",
    "train",
    "training_command",
]

_MODULES = {
    "checkpoint": ("Checkpoint", "Progress"),
    "config": ("TrainConfig",),
    "metrics": ("UpdateMetrics",),
    "presets": ("preset", "training_command"),
    "run_directory": ("RunDirectory", "newest_run"),
    "trainable": ("observation_bytes", "prepare"),
    "training": ("TrainObserver", "TrainResult", "train"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            value = getattr(import_module(f"lander_trainer.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
