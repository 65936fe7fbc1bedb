"""Train a policy with PPO in PyTorch: environment copies -> rollouts -> updates -> checkpoint.

    from lander_trainer import RunDirectory, preset, train
    train(preset("LunarLander-v3"), RunDirectory.create("LunarLander-v3"))

Names are resolved on first use (PEP 562), so that a worker process, which only steps environments,
does not load PyTorch.
"""

from typing import TYPE_CHECKING

from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_trainer.config import TrainConfig
    from lander_trainer.observer import TrainObserver
    from lander_trainer.plan import TrainingPlan, plan_training, prepare
    from lander_trainer.presets import preset, training_command
    from lander_trainer.runs.checkpoint import Checkpoint, Progress
    from lander_trainer.runs.metrics import UpdateMetrics
    from lander_trainer.runs.run_directory import RunDirectory, newest_run
    from lander_trainer.training import TrainResult, train

__all__ = [
    "Checkpoint",
    "Progress",
    "RunDirectory",
    "TrainConfig",
    "TrainObserver",
    "TrainResult",
    "TrainingPlan",
    "UpdateMetrics",
    "newest_run",
    "plan_training",
    "prepare",
    "preset",
    "train",
    "training_command",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_trainer.config": ("TrainConfig",),
        "lander_trainer.observer": ("TrainObserver",),
        "lander_trainer.plan": ("TrainingPlan", "plan_training", "prepare"),
        "lander_trainer.presets": ("preset", "training_command"),
        "lander_trainer.runs.checkpoint": ("Checkpoint", "Progress"),
        "lander_trainer.runs.metrics": ("UpdateMetrics",),
        "lander_trainer.runs.run_directory": ("RunDirectory", "newest_run"),
        "lander_trainer.training": ("TrainResult", "train"),
    },
)
