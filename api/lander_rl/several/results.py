"""`SeedRuns`: what a training with several seeds returns."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lander_rl.several.training_worker import Trained
from lander_rl.showing import RowResult
from lander_runtime.files import picture_as_html
from lander_runtime.scores.intervals import mean_interval
from lander_runtime.text import counted, html_table

if TYPE_CHECKING:
    from lander_rl.exporting.export import Exported


@dataclass(frozen=True)
class SeedRun:
    """The run of one seed."""

    seed: int
    path: Path
    """Its folder."""
    trained: Trained

    @property
    def score(self) -> float | None:
        """Mean greedy return on the scored episodes; None where the run was stopped."""
        returns = self.trained.returns
        return float(returns.mean()) if len(returns) else None


@dataclass(frozen=True, repr=False)
class SeedRuns(RowResult):
    """Runs that differ in their seed only."""

    runs: tuple[SeedRun, ...]
    """In the order of their seeds."""
    failed: dict[int, str]
    """By seed, why a training was stopped: a loss that was no longer finite. They are in no figure."""
    episodes: int
    """Scored for each seed, the same ones."""
    picture: Path | None
    """The learning curves, as a mean and a band; None where there is nothing to draw."""
    exported: "Exported | None"
    """The policy of the run that selection likes best; None where a run or the export was stopped."""
    missing: tuple[int, ...] = ()
    """Seeds whose training had not begun when all were stopped."""

    @property
    def interrupted(self) -> bool:
        """Whether the trainings were stopped before their end; with `out` the same call goes on."""
        return self.unfinished is not None or bool(self.missing)

    @property
    def unfinished(self) -> SeedRun | None:
        """The first run that was stopped before its end."""
        return next((run for run in self.runs if run.trained.interrupted), None)

    @property
    def scores(self) -> tuple[float, ...]:
        """Of the runs that have one."""
        return tuple(run.score for run in self.runs if run.score is not None)

    @property
    def mean(self) -> float | None:
        """Mean score of the seeds."""
        return float(np.mean(self.scores)) if self.scores else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% of the bootstraps of that mean over seeds; None for fewer than two."""
        return mean_interval(np.array(self.scores)) if len(self.scores) > 1 else None

    @property
    def worst(self) -> SeedRun | None:
        """The run with the lowest score."""
        scored = [run for run in self.runs if run.score is not None]
        return min(scored, key=lambda run: run.score or 0.0) if scored else None

    @property
    def chosen(self) -> SeedRun | None:
        """The run with the best selection score, of equal ones the first; no scored episode decides it."""
        known = [run for run in self.runs if run.trained.selection_score is not None]
        return max(known, key=lambda run: run.trained.selection_score or 0.0) if known else None

    def rows(self) -> list[tuple[str, str]]:
        """A row for each seed and the figures of all, as names and values."""
        rows = [(f"seed {run.seed}", _in_words(run)) for run in self.runs]
        rows += [(f"seed {seed}", f"stopped, in no figure: {reason}") for seed, reason in self.failed.items()]
        rows += [(f"seed {seed}", "not trained yet") for seed in self.missing]
        if self.mean is not None and self.worst is not None:
            # Every resample of two seeds is one of three means.
            within = (
                " (no interval: two seeds say nothing about the next one)" if len(self.scores) == 2 else ""
            )
            if self.interval is not None and len(self.scores) > 2:
                within = (
                    " (95% interval over seeds {:.1f} to {:.1f}, bootstrap, widened for few seeds)".format(
                        *self.interval
                    )
                )
            rows += [
                (
                    "mean",
                    f"{self.mean:.1f}{within}, {counted(len(self.scores), 'seed')}, "
                    f"{counted(self.episodes, 'episode')} each",
                ),
                ("worst", f"seed {self.worst.seed} with {self.worst.score:.1f}"),
            ]
        if self.picture is not None:
            rows.append(("picture", str(self.picture)))
        best = self.chosen
        if best is not None and not self.interrupted:
            chosen = f"seed {best.seed}: best selection score, {best.trained.selection_score:.1f}"
            rows += (
                [("chosen", f"{chosen}; not exported")]
                if self.exported is None
                else [("chosen", chosen), *self.exported.rows()]
            )
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander train --seeds N --json` prints it."""
        chosen, worst, exported = self.chosen, self.worst, self.exported
        return {
            "schema": "lander.train_seeds/1",
            "runs": [_plain(run) for run in self.runs],
            "failed": {str(seed): reason for seed, reason in self.failed.items()},
            "episodes": self.episodes,
            "mean": self.mean,
            "interval": None if self.interval is None else list(self.interval),
            "worst_seed": None if worst is None else worst.seed,
            "picture": None if self.picture is None else str(self.picture),
            "chosen_seed": None if exported is None or chosen is None else chosen.seed,
            "exported": None if exported is None else exported.to_json(),
        }

    def _repr_html_(self) -> str:
        curve = picture_as_html(self.picture, "Learning curves: the mean of all seeds, and a band")
        return f"<div>{html_table(self.rows())}{curve}</div>"


def _in_words(run: SeedRun) -> str:
    trained = run.trained
    selected = "none yet" if trained.selection_score is None else f"{trained.selection_score:.1f}"
    if run.score is None:
        return f"{run.path}, stopped after {trained.steps:,} steps, best selection score {selected}"
    spread, lowest = float(trained.returns.std()), float(trained.returns.min())
    return (
        f"{run.path}, score {run.score:.1f} ± {spread:.1f}, lowest {lowest:.1f}, "
        f"selection score {selected}, {trained.seconds:.1f} s"
    )


def _plain(run: SeedRun) -> dict[str, Any]:
    trained = run.trained
    return {
        "seed": run.seed,
        "run": str(run.path),
        "steps": trained.steps,
        "seconds": trained.seconds,
        "interrupted": trained.interrupted,
        "reached_target": trained.reached_target,
        "selection_score": trained.selection_score,
        "score": run.score,
        "std": float(trained.returns.std()) if len(trained.returns) else None,
        "min": float(trained.returns.min()) if len(trained.returns) else None,
    }
