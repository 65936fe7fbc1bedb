"""Train a policy with PPO in PyTorch: environment copies -> rollouts -> updates -> checkpoint.

from lander_trainer import RunDirectory, preset, train
train(preset("LunarLander-v3"), RunDirectory.create("LunarLander-v3"))
"""

from lander_trainer.checkpoint import Checkpoint, Progress
from lander_trainer.config import TrainConfig
from lander_trainer.metrics import UpdateMetrics
from lander_trainer.presets import preset, training_command
from lander_trainer.run_directory import RunDirectory, newest_run
from lander_trainer.train import TrainObserver, TrainResult, prepare, train

__all__ = [
    "Checkpoint",
    "Progress",
    "RunDirectory",
    "TrainConfig",
    "TrainObserver",
    "TrainResult",
    "UpdateMetrics",
    "newest_run",
    "prepare",
    "preset",
    "train",
    "training_command",
]
