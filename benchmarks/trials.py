"""Trains configurations and scores their best weights, several runs at a time.

Separate from the scripts so that a run is the same in `study.py`, `ablations.py` and `seeds.py`.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lander_rl.several.pool import one_thread_each
from lander_runtime import envs, evaluate
from lander_runtime.errors import CheckFailed, LanderError, UsageError
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.versions import installed_versions
from lander_trainer import Checkpoint, Progress, RunDirectory, TrainConfig, UpdateMetrics, train

ENV = "LunarLander-v3"

CURVE_POINTS = 200


@dataclass(frozen=True, eq=False)
class Trial:
    """The result of one training run."""

    seed: int
    backend: str
    """The backend that ran, never `auto`."""
    device: str
    steps: int
    seconds: float
    """Training time, including selections."""
    steps_to_200: int | None
    """Steps until the mean of the last 100 training episodes reached the environment's reward threshold
    (200 for LunarLander); None if it never did."""
    seconds_to_200: float | None
    mean: float
    """Mean greedy return of the best weights on Gymnasium's environment."""
    std: float
    min: float
    success_rate: float
    """Share of the scored episodes with a return of at least the threshold."""
    failures: int
    """Number of scored episodes below the threshold."""
    curve: tuple[tuple[int, float], ...]
    """(steps, mean return of the last 100 training episodes), at most `CURVE_POINTS` of them."""
    returns: NDArray[np.float64]
    """`[episodes]`, in the order of the episodes' seeds."""

    def to_json(self) -> dict[str, Any]:
        curve = [[steps, round(value, 2)] for steps, value in self.curve]
        # Returns are not rounded: one slightly below the threshold must not become a success.
        return {**asdict(self), "curve": curve, "returns": self.returns.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Trial":
        curve = tuple((int(steps), float(value)) for steps, value in data["curve"])
        return cls(**{**data, "curve": curve, "returns": np.array(data["returns"])})


Outcome = Trial | CheckFailed
"""The result of a run, or the error of one that stopped because a loss was no longer finite."""


def run_trial(
    config: TrainConfig,
    episodes: int,
    first_seed: int,
    watch: Callable[[UpdateMetrics], None] = lambda metrics: None,
) -> Trial:
    """Train with `config` in a folder of its own and score the best weights over `episodes` episodes.

    Args:
        config: the settings; selection must be on, because the best weights are scored.
        episodes: greedy episodes, at least 1.
        first_seed: seed of the first episode.
        watch: is called after every update; an error that it raises ends the run and reaches the caller.

    Raises:
        CheckFailed: a loss or gradient was no longer finite.
        UsageError: the environment has no threshold, or selection is off.
    """
    spec = envs.resolve(config.env, config.env_kwargs)
    if spec.reward_threshold is None or config.selection_episodes == 0:
        raise UsageError(
            "A trial needs an environment with a reward threshold, and selection_episodes of at least 1."
        )
    recorder = _Recorder(spec.reward_threshold, watch)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(config.env, Path(folder) / "run")
        progress = train(config, run, observer=recorder).progress
        actor = Checkpoint.load(run.best).network().actor

    def greedy(obs: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            return actor(torch.from_numpy(obs)).argmax(-1).numpy()

    report = evaluate(greedy, spec, episodes=episodes, first_seed=first_seed)
    returns, summary = report.results.returns, report.summary
    return Trial(
        seed=config.seed,
        backend=recorder.backend,
        device=recorder.device,
        steps=progress.steps,
        seconds=progress.seconds,
        steps_to_200=None if recorder.solved is None else recorder.solved.steps,
        seconds_to_200=None if recorder.solved is None else recorder.solved.seconds,
        mean=summary.mean_return,
        std=summary.std_return,
        min=summary.min_return,
        success_rate=float(np.mean(returns >= spec.reward_threshold)),
        failures=int(np.sum(returns < spec.reward_threshold)),
        curve=thin(recorder.curve, CURVE_POINTS),
        returns=returns,
    )


def run_many(
    configs: Sequence[TrainConfig],
    jobs: int,
    *,
    episodes: int,
    first_seed: int = FIRST_EVALUATION_SEED,
    on_done: Callable[[int, Outcome], None] = lambda index, outcome: None,
) -> list[Outcome]:
    """Run a trial for every configuration, `jobs` at a time, each in its own process.

    Args:
        configs: one run each.
        jobs: processes, at least 1; with more than there are cores, the times in a trial mean little.
        episodes: see `run_trial`.
        first_seed: see `run_trial`.
        on_done: is called in this process with (index in `configs`, outcome) when a run finishes.

    Returns:
        The outcomes in the order of `configs`.
    """
    if jobs > 1:
        # The runs fill the cores; more threads and processes would only compete for them.
        configs = [config.with_values({"workers": 1, "critic_process": "no"}) for config in configs]
    outcomes: dict[int, Outcome] = {}
    with one_thread_each(), ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        waiting = {
            pool.submit(run_trial, config, episodes, first_seed): index
            for index, config in enumerate(configs)
        }
        try:
            for future in as_completed(waiting):
                index = waiting[future]
                outcomes[index] = _outcome(future)
                on_done(index, outcomes[index])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [outcomes[index] for index in range(len(configs))]


def thin(curve: Sequence[tuple[int, float]], points: int) -> tuple[tuple[int, float], ...]:
    """At most `points` (2 or more) points of `curve`, evenly spread, including the first and the last."""
    if len(curve) <= points:
        return tuple(curve)
    return tuple(curve[index] for index in np.linspace(0, len(curve) - 1, points).round().astype(int))


def versions() -> dict[str, str]:
    """Versions of all packages that a result may depend on."""
    return installed_versions("lander-rl", "torch", "gymnasium", "box2d", "envpool", "numpy")


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without a final line end."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_script(main: Callable[[], int]) -> None:
    """Run a script's `main` and exit with its code; an error of ours is printed on one line."""
    try:
        code = main()
    except LanderError as error:
        print(error, file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; the finished trials are kept.", file=sys.stderr)
        code = 130
    sys.exit(code)


def _outcome(future: "Future[Trial]") -> Outcome:
    try:
        return future.result()
    except CheckFailed as stopped:
        return stopped


class _Recorder:
    """An observer that keeps the learning curve and the update that first reached the threshold."""

    def __init__(self, threshold: float, watch: Callable[[UpdateMetrics], None]) -> None:
        self.threshold = threshold
        self.watch = watch
        self.backend = self.device = ""
        self.solved: UpdateMetrics | None = None
        self.curve: list[tuple[int, float]] = []

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self.backend, self.device = config.backend, config.device

    def on_update(self, metrics: UpdateMetrics) -> None:
        if metrics.mean_return is not None:
            self.curve.append((metrics.steps, metrics.mean_return))
            full = metrics.episodes >= 100
            if self.solved is None and full and metrics.mean_return >= self.threshold:
                self.solved = metrics
        self.watch(metrics)
