"""The progress of training in words and figures, the same for every display."""

import math
from typing import TYPE_CHECKING

from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_trainer import Progress, TrainConfig, UpdateMetrics

UNKNOWN = "-"
"""In place of a time or a return that is not known yet."""

_PARTS = ("environment", "inference", "update", "selection")


class Clock:
    """Sums the seconds of each part and estimates the time left."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_PARTS, 0.0)
        self._start: tuple[float, float] | None = None
        """Share done and seconds after the first update seen; a resumed run does not start at zero."""

    def add(self, metrics: "UpdateMetrics") -> None:
        for part in _PARTS:
            self.seconds[part] += getattr(metrics, f"{part}_seconds")
        self._start = self._start or (metrics.done, sum(self.seconds.values()))

    def shares(self) -> str:
        """Such as `environment 48%, inference 9%, update 41%, selection 2%`."""
        total = sum(self.seconds.values()) or 1.0
        return ", ".join(f"{part} {seconds / total:.0%}" for part, seconds in self.seconds.items())

    def steps_per_second(self, metrics: "UpdateMetrics") -> float:
        return metrics.steps / max(metrics.seconds, 1e-9)

    def left(self, metrics: "UpdateMetrics") -> str:
        """Such as `1:05`; a dash until a second update was measured: the first one has to warm up."""
        if metrics.done >= 1.0:
            return _minutes(0.0)
        first, before = self._start or (metrics.done, 0.0)
        share, spent = metrics.done - first, sum(self.seconds.values()) - before
        return _minutes(spent / share * (1.0 - metrics.done)) if share > 0 else UNKNOWN


def how_selected(config: "TrainConfig", score: float | None) -> str:
    """What the selection score is the mean of, in words for its reader."""
    from lander_trainer.selection import reaches

    # One that reaches a target is always Gymnasium's.
    native = config.selection_backend == "native" and not reaches(score, config.target_score)
    simulated = ", in the simulator" if native else ""
    return f"greedy, selection seeds{simulated}"


def line_of(metrics: "UpdateMetrics", clock: Clock) -> str:
    """Steps, speed, returns and the time left, in columns."""
    return (
        f"{metrics.steps:>10,} steps  {clock.steps_per_second(metrics):>6,.0f} steps/s  "
        f"return {number(metrics.mean_return):>7}  best {number(metrics.best_score):>7}  "
        f"left {clock.left(metrics):>5}"
    )


def share_and_time(metrics: "UpdateMetrics", clock: Clock) -> str:
    """Such as `50%, 1:05 left`; only the share where the time is not known yet."""
    left = clock.left(metrics)
    return f"{metrics.done:.0%}" if left == UNKNOWN else f"{metrics.done:.0%}, {left} left"


def headline(config: "TrainConfig", progress: "Progress") -> str:
    """What is trained, how long, and where it starts."""
    limit = config.time_limit
    length = counted(config.steps, "step") if limit is None else f"{limit:g} s"
    start = f", from step {progress.steps:,}" if progress.steps else ""
    if progress.resumed:
        start += ", not what one run without a break gives"
    return (
        f"{counted(config.lanes, 'lane')} on {config.backend}, networks on {config.device}, "
        f"{length}, seed {config.seed}{start}{_paid_with(config)}"
    )


def _paid_with(config: "TrainConfig") -> str:
    """A note that shaped returns of training cannot be compared with the best score."""
    if not config.shaping:
        return ""
    shaping = ", ".join(f"{name}={value}" for name, value in config.shaping.items())
    return f"; returns of training are shaped by {shaping}, scores are not"


_SLOW_SECONDS = 5.0


def is_slow(done: float, seconds: float) -> bool:
    """Whether the first rollout is collected and took so long that a selection may take long too."""
    return done >= 1.0 and seconds >= _SLOW_SECONDS


def collecting(done: float, seconds: float) -> str:
    """How far the first rollout has come, such as `first rollout 35%, about 0:18 left`."""
    left = seconds / done * (1.0 - done)
    if done >= 1.0:
        return "first rollout collected; learning from it"
    return f"first rollout {done:.0%}, about {_minutes(left)} left"


def selecting(episodes: int) -> str:
    """What a selection does, for a display."""
    return f"scoring {counted(episodes, 'episode')} to choose the best weights"


def _minutes(seconds: float) -> str:
    # Rounded up, so that 0:00 is the end.
    whole = math.ceil(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def number(value: float | None) -> str:
    """A return for a person; a dash where there is none yet."""
    return UNKNOWN if value is None else f"{value:.1f}"
