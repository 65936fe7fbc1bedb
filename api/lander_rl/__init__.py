"""What each command does, as a function. For notebooks and scripts.

    import lander_rl

    run = lander_rl.train("LunarLander-v3", steps=200_000, seed=1)
    run                          # steps, time, best score; in a notebook with the learning curve
    run.metrics[-1]["mean_return"]
    run.plot("curve.png")
    policy = run.export()        # a verified policy.onnx, opened
    action = policy.act(observation)
    lander_rl.settings("gamma")  # what it means, its default, its source

training/       `train`, `resume`, `Run`: a policy from nothing, and more of a run
exporting.py    `export`: a checkpoint becomes a verified policy file
plotting.py     `plot`: learning curves of runs in one picture
catalogue/      `models`, `environments`, `settings`: what there is
figures.py      scores and verifications in words
old_versions.py what to say of an environment that has a newer version
showing.py      how results show themselves, as lines and as HTML

Names are imported on first use, so that `import lander_rl` loads neither PyTorch nor Gymnasium.
"""

from typing import TYPE_CHECKING

from lander_runtime.errors import CheckFailed, InputRefused, LanderError, MachineLacks, UsageError
from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_rl.catalogue.environments import Environment, Preset, environments
    from lander_rl.catalogue.models import Model, models
    from lander_rl.catalogue.settings import Setting, settings
    from lander_rl.exporting import Exported, ExportRequest, export
    from lander_rl.plotting import Picture, PlotRequest, plot
    from lander_rl.training.request import ResumeRequest, TrainRequest
    from lander_rl.training.runs import Run
    from lander_rl.training.training import resume, train
    from lander_trainer.observer import TrainObserver
    from lander_trainer.runs.metrics import UpdateMetrics

__all__ = [
    "CheckFailed",
    "Environment",
    "ExportRequest",
    "Exported",
    "InputRefused",
    "LanderError",
    "MachineLacks",
    "Model",
    "Picture",
    "PlotRequest",
    "Preset",
    "ResumeRequest",
    "Run",
    "Setting",
    "TrainObserver",
    "TrainRequest",
    "UpdateMetrics",
    "UsageError",
    "environments",
    "export",
    "models",
    "plot",
    "resume",
    "settings",
    "train",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_rl.catalogue.environments": ("Environment", "Preset", "environments"),
        "lander_rl.catalogue.models": ("Model", "models"),
        "lander_rl.catalogue.settings": ("Setting", "settings"),
        "lander_rl.exporting": ("ExportRequest", "Exported", "export"),
        "lander_rl.plotting": ("Picture", "PlotRequest", "plot"),
        "lander_rl.training.request": ("ResumeRequest", "TrainRequest"),
        "lander_rl.training.runs": ("Run",),
        "lander_rl.training.training": ("resume", "train"),
        "lander_trainer.observer": ("TrainObserver",),
        "lander_trainer.runs.metrics": ("UpdateMetrics",),
    },
)
