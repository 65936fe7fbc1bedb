"""Train with an observer of your own: stop when learning stalls, and log to a CSV file.

python examples/early_stopping.py [ENVIRONMENT [STEPS]]

The observer is called for every update. The function `stop` is called after it; True saves the run and ends
it. The run can be resumed, exported and plotted like any other.
"""

import csv
import sys
from pathlib import Path

import lander_rl
from lander_rl import TrainObserver, UpdateMetrics


class EarlyStopping(TrainObserver):
    """Stops when neither the score nor the critic has improved for a number of updates."""

    def __init__(self, patience: int = 50, least_gain: float = 0.01) -> None:
        self.patience = patience
        """Updates without progress before the run is stopped."""
        self.least_gain = least_gain
        """A smaller gain of explained variance, whose best value is 1, is not counted as progress."""
        self._best_critic = float("-inf")
        self._best_score = float("-inf")
        self._last_progress = 0
        self._update = 0

    def on_update(self, metrics: UpdateMetrics) -> None:
        self._update = metrics.update
        critic, score = metrics.explained_variance, metrics.selection_score
        if critic is not None and critic > self._best_critic + self.least_gain:
            self._best_critic, self._last_progress = critic, self._update
        if score is not None and score > self._best_score:
            self._best_score, self._last_progress = score, self._update

    def has_stalled(self) -> bool:
        """Pass this to `train` as `stop`."""
        return self._update - self._last_progress >= self.patience


class CsvLog(TrainObserver):
    """Writes a few figures of every update into a file that a spreadsheet opens."""

    COLUMNS = ("update", "steps", "mean_return", "selection_score", "explained_variance", "approx_kl")

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(self.COLUMNS)

    def on_update(self, metrics: UpdateMetrics) -> None:
        self._writer.writerow([getattr(metrics, column) for column in self.COLUMNS])
        # So that the file can be read while the run goes on.
        self._file.flush()


class Both(TrainObserver):
    """`train` takes one observer; this one passes everything on to several."""

    def __init__(self, *observers: TrainObserver) -> None:
        self._observers = observers

    def on_update(self, metrics: UpdateMetrics) -> None:
        for observer in self._observers:
            observer.on_update(metrics)


if __name__ == "__main__":
    env = sys.argv[1] if len(sys.argv) > 1 else "CartPole-v1"
    steps = sys.argv[2] if len(sys.argv) > 2 else None
    watch = EarlyStopping()
    run = lander_rl.train(
        env, steps=steps, observer=Both(watch, CsvLog(Path("updates.csv"))), stop=watch.has_stalled
    )
    print(run)
