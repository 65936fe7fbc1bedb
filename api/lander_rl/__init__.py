"""What each command does, as a function: `import lander_rl`. For notebooks and scripts.

    import lander_rl
    report = lander_rl.evaluate(episodes=1000)      # the newest policy, or the one that ships
    lander_rl.compare("old.onnx", "new.onnx")       # which is better, and by how much
    lander_rl.record("policy.onnx", "episode.gif")  # one episode to look at

opening.py     which policy is meant, opened for an environment
evaluating.py  a score over N episodes
comparing.py   several policies on the same seeds
merging.py     the reports of parts as one
replaying.py   recorded episodes again, without the policy
recording.py   one episode as a GIF
observing.py   what long work tells while it runs
outputs/       what an evaluation writes beside its report
results/       what the functions return, and how it shows itself

Names are imported on first use, so that importing this package costs next to nothing.
"""

from typing import TYPE_CHECKING

from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_rl.comparing import CompareRequest, compare
    from lander_rl.evaluating import EvaluateRequest, evaluate
    from lander_rl.merging import merge
    from lander_rl.observing import EvaluationObserver
    from lander_rl.opening import open_policy
    from lander_rl.recording import Recording, record
    from lander_rl.replaying import ReplayRequest, replay
    from lander_rl.results.comparison import Comparison
    from lander_rl.results.replay import ReplayResult
    from lander_rl.results.report import Report
    from lander_runtime.episodes.episode import Episode, EpisodeObserver
    from lander_runtime.policy.policy import Policy

__all__ = [
    "CompareRequest",
    "Comparison",
    "Episode",
    "EpisodeObserver",
    "EvaluateRequest",
    "EvaluationObserver",
    "Policy",
    "Recording",
    "ReplayRequest",
    "ReplayResult",
    "Report",
    "compare",
    "evaluate",
    "merge",
    "open_policy",
    "record",
    "replay",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_rl.comparing": ("CompareRequest", "compare"),
        "lander_rl.evaluating": ("EvaluateRequest", "evaluate"),
        "lander_rl.merging": ("merge",),
        "lander_rl.observing": ("EvaluationObserver",),
        "lander_rl.opening": ("open_policy",),
        "lander_rl.recording": ("Recording", "record"),
        "lander_rl.replaying": ("ReplayRequest", "replay"),
        "lander_rl.results.comparison": ("Comparison",),
        "lander_rl.results.replay": ("ReplayResult",),
        "lander_rl.results.report": ("Report",),
        "lander_runtime.episodes.episode": ("Episode", "EpisodeObserver"),
        "lander_runtime.policy.policy": ("Policy",),
    },
)


def __dir__() -> list[str]:
    """The public names, so that a notebook completes them before their first use."""
    return sorted({*globals(), *__all__})
