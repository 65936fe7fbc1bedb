"""Train a policy with PPO in PyTorch: environment copies -> rollouts -> updates -> checkpoint.

    from lander_trainer import RunDirectory, preset, train
    train(preset("LunarLander-v3"), RunDirectory.create("LunarLander-v3"))

config.py      all settings, checked once
presets.py     named settings of an environment, from preset_files/
settings/      settings as text and in tables
plan.py        whether a configuration can be trained here; replaces each `auto`
training.py    the loop: update, report, save, draw, stop
trainer.py     the state of a run, and one update of it: rollout, learning, selection
resume.py      going on with a run that was stopped
start.py       the weights that a run starts from
selection.py   scores the policy during training, to find the best weights
observer.py    what a run tells its caller
ppo/           rollouts, advantages, losses, distributions, normalisation
networks/      actor and critic
learners/      compute the updates: PyTorch, or by hand in C++ and NumPy
backends/      step the environment copies: the simulator, envpool or Gymnasium
runs/          a run on disk: checkpoint, metrics
plots/         learning curves
logs/          experiment trackers
memory.py      how much memory a rollout takes
threads.py     the number of threads for a block

Names are imported on first use (PEP 562), so that a worker process, which only steps environments,
does not load PyTorch.
"""

from typing import TYPE_CHECKING

from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_runtime.shipped import newest_run
    from lander_trainer.config import TrainConfig
    from lander_trainer.observer import TrainObserver, TrainResult
    from lander_trainer.plan import TrainingPlan, observation_bytes, plan_training, prepare
    from lander_trainer.presets import preset, training_command
    from lander_trainer.runs.checkpoint import Checkpoint, Progress
    from lander_trainer.runs.metrics import UpdateMetrics
    from lander_trainer.runs.run_directory import RunDirectory
    from lander_trainer.training import train

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
    "observation_bytes",
    "plan_training",
    "prepare",
    "preset",
    "train",
    "training_command",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_runtime.shipped": ("newest_run",),
        "lander_trainer.config": ("TrainConfig",),
        "lander_trainer.observer": ("TrainObserver", "TrainResult"),
        "lander_trainer.plan": ("TrainingPlan", "observation_bytes", "plan_training", "prepare"),
        "lander_trainer.presets": ("preset", "training_command"),
        "lander_trainer.runs.checkpoint": ("Checkpoint", "Progress"),
        "lander_trainer.runs.metrics": ("UpdateMetrics",),
        "lander_trainer.runs.run_directory": ("RunDirectory",),
        "lander_trainer.training": ("train",),
    },
)
