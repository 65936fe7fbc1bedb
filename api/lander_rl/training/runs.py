"""`Run`: the folder of a run, its results, and what can be done with it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.exporting.export import export
from lander_rl.inputs.filenames import Filename
from lander_rl.plotting import Picture, plot
from lander_rl.training.request import ResumeRequest
from lander_rl.training.session import run_from_python
from lander_rl.training.words import how_selected
from lander_rl.wording import names_arguments
from lander_runtime.errors import LanderError
from lander_runtime.files import picture_as_html
from lander_runtime.text import aligned, counted, html_table

if TYPE_CHECKING:
    from lander_runtime.policy.policy import Policy
    from lander_trainer import Progress, RunDirectory, TrainConfig, TrainObserver, TrainResult


@dataclass(frozen=True, repr=False)
class Run(os.PathLike[str]):
    """A run's folder. Its properties are read from the files each time, so they are never out of date."""

    path: Path
    interrupted: bool
    """Whether it was stopped before its end, by Ctrl-C, by `stop` or by a crash; `resume` continues it."""
    reached_target: bool
    """Whether it ended because a selection scored the target."""

    @classmethod
    def open(cls, folder: Filename) -> "Run":
        """The run in `folder`.

        Raises:
            InputRefused: there is no checkpoint in it, or it is corrupt.
        """
        run = cls(Path(folder), interrupted=False, reached_target=False)
        config, rows = run.config, run._directory.read_metrics()
        score = rows[-1].get("selection_score") if rows else None
        reached = score is not None and config.target_score is not None and score >= config.target_score
        ended = bool(rows) and (rows[-1].get("done") or 0.0) >= 1.0
        return cls(run.path, interrupted=not (ended or reached), reached_target=reached)

    @classmethod
    def ended(cls, result: "TrainResult") -> "Run":
        """The run of a training that has ended."""
        return cls(result.run, result.interrupted, result.reached_target)

    @property
    def config(self) -> "TrainConfig":
        """The settings; backend, device, workers and learner are the ones that were used."""
        return self._checkpoint().config

    @property
    def progress(self) -> "Progress":
        """What the run has done so far: updates, steps, episodes, seconds, best_score."""
        return self._checkpoint().progress

    @property
    def best_score(self) -> float | None:
        """Best mean greedy return on the selection seeds, on `config.selection_backend`; None if none yet."""
        return self.progress.best_score

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of `metrics.jsonl`, a dict for each update; `pandas.DataFrame(run.metrics)` has columns.

        The keys are the fields of `lander_trainer.UpdateMetrics`, which has the unit of each.
        """
        return self._directory.read_metrics()

    def export(self, out: Filename | None = None, **options: Any) -> "Policy":
        """Export the best weights to `policy.onnx` in the run's folder, or to `out`, and open that file.

        Args:
            out: the policy file.
            options: those of `lander_rl.export`, which returns card, animation and report too.

        Raises:
            LanderError: as `lander_rl.export`.
        """
        return export(self, out, **options).open()

    def plot(self, path: Filename | None = None) -> Picture:
        """Draw the learning curve into `path`, a .png or .svg; `learning_curve.png` of the run by default.

        Raises:
            UsageError: `path` has another suffix.
            InputRefused: no episode has ended in the run yet.
        """
        return plot(self, out=self._directory.curve if path is None else path)

    @names_arguments
    def resume(
        self,
        *,
        steps: float | str | None = None,
        time: float | str | None = None,
        target: float | None = None,
        device: str | None = None,
        backend: str | None = None,
        network: Any = None,
        log: Sequence[str] = (),
        imports: Sequence[str] = (),
        progress: bool = True,
        observer: "TrainObserver | None" = None,
        stop: Callable[[], bool] | None = None,
    ) -> "Run":
        """Go on with the run, in the same folder; a finished run needs more `steps` or `time`.

        Args:
            steps: environment steps in all, those done included.
            time: seconds of training in all, also text such as `2m`.
            target: stop once a selection scores this.
            device: `auto`, `cpu` or `cuda`.
            backend: `auto`, `gymnasium`, `envpool` or `native`.
            network: the network of your own that the run was started with; in the same process it is known.
            log: trackers beside `metrics.jsonl`.
            imports: modules that register environments; a run does not keep them.
            progress: display the progress.
            observer: called for every update (`TrainObserver`).
            stop: called after every update; True saves and ends the run.

        Raises:
            InputRefused: the checkpoint is missing or corrupt.
            LanderError: as `lander_rl.train`.
        """
        request = ResumeRequest(
            run=self.path, steps=steps, time=time, target=target, device=device, backend=backend,
            network=network, log=tuple(log), imports=imports,
        )  # fmt: skip
        return Run.ended(run_from_python(request, progress=progress, observer=observer, stop=stop))

    @property
    def missed_target(self) -> bool:
        """Whether the run has a target that no selection has reached so far."""
        target, best = self.config.target_score, self.best_score
        return target is not None and (best is None or best < target)

    def rows(self) -> list[tuple[str, str]]:
        """Folder, steps, time and best score, as names and values."""
        progress = self.progress
        score = progress.best_score
        best = "none yet" if score is None else f"{score:.1f} ({how_selected(self.config, score)})"
        speed = progress.steps / max(progress.seconds, 1e-9)
        return [
            ("run", str(self.path)),
            ("steps", f"{progress.steps:,} in {counted(progress.episodes, 'episode')}"),
            ("time", f"{progress.seconds:.1f} s, {speed:,.0f} steps/s"),
            ("best score", best),
        ]

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return aligned(self._shown())

    def _repr_html_(self) -> str:
        curve = picture_as_html(self._directory.curve, "Learning curve: return over environment steps")
        return f"<div>{html_table(self._shown())}{curve}</div>"

    def _shown(self) -> list[tuple[str, str]]:
        try:
            rows = self.rows()
        except LanderError as error:
            return [("run", str(self.path)), ("unreadable", str(error))]
        return [*rows, *([("stopped", "before its end; run.resume() goes on")] if self.interrupted else [])]

    @property
    def _directory(self) -> "RunDirectory":
        from lander_trainer import RunDirectory

        return RunDirectory(self.path)

    def _checkpoint(self) -> Any:
        from lander_trainer import Checkpoint, RunDirectory

        return Checkpoint.load(RunDirectory.open(self.path).checkpoint)
