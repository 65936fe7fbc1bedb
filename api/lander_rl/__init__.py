"""What each command does, as a function: `import lander_rl`. For notebooks and scripts.

    import lander_rl

    run = lander_rl.train("LunarLander-v3", steps=200_000, seed=1)
    run                                             # steps, time, best score, learning curve
    policy = run.export()                           # a verified policy.onnx, opened
    action = policy.act(observation)
    report = lander_rl.evaluate(policy, episodes=1000)
    lander_rl.compare("old.onnx", "new.onnx")       # which is better, and by how much
    lander_rl.record(policy, "episode.gif")         # one episode to look at
    lander_rl.settings("gamma")                     # what it means, its default, its source

training/     `train`, `resume`, `Run`: train a policy, or go on with a run
several/      `train_seeds`: one setting with several seeds, and the best run exported
searching/    `sweep`: a search for good settings with Optuna
exporting/    `export`, `export_reduced`, `export_c`, `export_triton`: a policy as a file that others can use
scoring/      `evaluate`, `compare`, `merge`: scores, and what they say beside each other
watching/     `record`, `replay`, `play`: single episodes to look at
checking/     `verify`, `doctor`, `bench`: a file's claims, this machine, and how fast it acts here
sharing/      `push`, `pull`: policies on the Hugging Face Hub
catalogue/    `models`, `environments`, `settings`: tables of what is available
inputs/       finds and opens what the caller names: policies, environments, modules
outputs/      files beside a result: recordings, replay files, the report page
results/      what the functions return, and how it is displayed

plotting.py   `plot`: learning curves of runs in one picture
serving.py    `serve`: policies as an HTTP service
observing.py  observers of evaluations, comparisons and replays
showing.py    tables for terminals and notebooks
wording.py    errors name arguments, not options of the command

Names are imported on first use, so that `import lander_rl` loads neither PyTorch nor Gymnasium.
"""

from typing import TYPE_CHECKING

from lander_runtime.errors import (
    CheckFailed,
    EnvironmentFailed,
    InputRefused,
    Interrupted,
    LanderError,
    MachineLacks,
    UsageError,
)
from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_rl.catalogue.environments import Environment, Preset, environments
    from lander_rl.catalogue.models import Model, models
    from lander_rl.catalogue.settings import Setting, settings
    from lander_rl.checking.benching import Benchmark, BenchRequest, bench
    from lander_rl.checking.diagnosing import Diagnosis, doctor
    from lander_rl.checking.verifying import Verification, VerifyRequest, verify
    from lander_rl.exporting.c_header import CHeader, CHeaderRequest, export_c
    from lander_rl.exporting.export import Exported, ExportRequest, export
    from lander_rl.exporting.reducing import ReducedPolicy, ReduceRequest, export_reduced
    from lander_rl.exporting.triton import TritonModel, TritonRequest, export_triton
    from lander_rl.inputs.opening import open_policy
    from lander_rl.observing import EvaluationObserver
    from lander_rl.plotting import Picture, PlotRequest, plot
    from lander_rl.results.comparison import Comparison
    from lander_rl.results.replay import ReplayResult
    from lander_rl.results.report import Report
    from lander_rl.scoring.comparing import compare
    from lander_rl.scoring.evaluating import evaluate
    from lander_rl.scoring.merging import merge
    from lander_rl.scoring.request import CompareRequest, EvaluateRequest
    from lander_rl.searching.results import Sweep, SweepTrial
    from lander_rl.searching.sweeping import SweepRequest, sweep
    from lander_rl.serving import ServeRequest, serve
    from lander_rl.several.results import SeedRun, SeedRuns
    from lander_rl.several.seeds import SeedsRequest, train_seeds
    from lander_rl.sharing.pulling import Pulled, PullRequest, pull
    from lander_rl.sharing.pushing import Pushed, PushRequest, push
    from lander_rl.training.request import ResumeRequest, TrainRequest
    from lander_rl.training.runs import Run
    from lander_rl.training.training import resume, train
    from lander_rl.watching.playing import Page, PlayRequest, play
    from lander_rl.watching.recording import Recording, record
    from lander_rl.watching.replaying import ReplayRequest, replay
    from lander_runtime.episodes.episode import Episode, EpisodeObserver
    from lander_runtime.policy.policy import Policy
    from lander_trainer.observer import TrainObserver
    from lander_trainer.runs.metrics import UpdateMetrics

__all__ = [
    "BenchRequest",
    "Benchmark",
    "CHeader",
    "CHeaderRequest",
    "CheckFailed",
    "CompareRequest",
    "Comparison",
    "Diagnosis",
    "Environment",
    "EnvironmentFailed",
    "Episode",
    "EpisodeObserver",
    "EvaluateRequest",
    "EvaluationObserver",
    "ExportRequest",
    "Exported",
    "InputRefused",
    "Interrupted",
    "LanderError",
    "MachineLacks",
    "Model",
    "Page",
    "Picture",
    "PlayRequest",
    "PlotRequest",
    "Policy",
    "Preset",
    "PullRequest",
    "Pulled",
    "PushRequest",
    "Pushed",
    "Recording",
    "ReduceRequest",
    "ReducedPolicy",
    "ReplayRequest",
    "ReplayResult",
    "Report",
    "ResumeRequest",
    "Run",
    "SeedRun",
    "SeedRuns",
    "SeedsRequest",
    "ServeRequest",
    "Setting",
    "Sweep",
    "SweepRequest",
    "SweepTrial",
    "TrainObserver",
    "TrainRequest",
    "TritonModel",
    "TritonRequest",
    "UpdateMetrics",
    "UsageError",
    "Verification",
    "VerifyRequest",
    "bench",
    "compare",
    "doctor",
    "environments",
    "evaluate",
    "export",
    "export_c",
    "export_reduced",
    "export_triton",
    "merge",
    "models",
    "open_policy",
    "play",
    "plot",
    "pull",
    "push",
    "record",
    "replay",
    "resume",
    "serve",
    "settings",
    "sweep",
    "train",
    "train_seeds",
    "verify",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_rl.exporting.c_header": ("CHeader", "CHeaderRequest", "export_c"),
        "lander_rl.catalogue.environments": ("Environment", "Preset", "environments"),
        "lander_rl.catalogue.models": ("Model", "models"),
        "lander_rl.catalogue.settings": ("Setting", "settings"),
        "lander_rl.scoring.comparing": ("compare",),
        "lander_rl.checking.benching": ("BenchRequest", "Benchmark", "bench"),
        "lander_rl.checking.diagnosing": ("Diagnosis", "doctor"),
        "lander_rl.scoring.evaluating": ("evaluate",),
        "lander_rl.exporting.export": ("ExportRequest", "Exported", "export"),
        "lander_rl.scoring.merging": ("merge",),
        "lander_rl.scoring.request": ("CompareRequest", "EvaluateRequest"),
        "lander_rl.observing": ("EvaluationObserver",),
        "lander_rl.inputs.opening": ("open_policy",),
        "lander_rl.watching.playing": ("Page", "PlayRequest", "play"),
        "lander_rl.plotting": ("Picture", "PlotRequest", "plot"),
        "lander_rl.watching.recording": ("Recording", "record"),
        "lander_rl.exporting.reducing": ("ReduceRequest", "ReducedPolicy", "export_reduced"),
        "lander_rl.watching.replaying": ("ReplayRequest", "replay"),
        "lander_rl.results.comparison": ("Comparison",),
        "lander_rl.results.replay": ("ReplayResult",),
        "lander_rl.results.report": ("Report",),
        "lander_rl.several.results": ("SeedRun", "SeedRuns"),
        "lander_rl.several.seeds": ("SeedsRequest", "train_seeds"),
        "lander_rl.searching.results": ("Sweep", "SweepTrial"),
        "lander_rl.searching.sweeping": ("SweepRequest", "sweep"),
        "lander_rl.serving": ("ServeRequest", "serve"),
        "lander_rl.sharing.pulling": ("PullRequest", "Pulled", "pull"),
        "lander_rl.sharing.pushing": ("PushRequest", "Pushed", "push"),
        "lander_rl.training.request": ("ResumeRequest", "TrainRequest"),
        "lander_rl.training.runs": ("Run",),
        "lander_rl.training.training": ("resume", "train"),
        "lander_rl.checking.verifying": ("Verification", "VerifyRequest", "verify"),
        "lander_rl.exporting.triton": ("TritonModel", "TritonRequest", "export_triton"),
        "lander_runtime.episodes.episode": ("Episode", "EpisodeObserver"),
        "lander_runtime.policy.policy": ("Policy",),
        "lander_trainer.observer": ("TrainObserver",),
        "lander_trainer.runs.metrics": ("UpdateMetrics",),
    },
)


def __dir__() -> list[str]:
    """The public names, so that a notebook completes them before their first use."""
    return sorted({*globals(), *__all__})
