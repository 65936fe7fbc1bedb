"""The numbers of one update under the names that every tracker shows them by."""

from lander_trainer.runs.metrics import UpdateMetrics

_SCORES = ("mean_return", "selection_score", "best_score")
_PROGRESS = ("update", "episodes", "seconds")


def scalars(metrics: UpdateMetrics) -> dict[str, float]:
    """All numbers of `metrics` but `steps`, which is the x axis; what is None or NaN is left out.

    The names are those of `metrics.jsonl` behind a group, because trackers make one section a group:

        score/     mean_return, selection_score, best_score
        time/      steps_per_second and the seconds of an update's parts
        progress/  update, episodes, seconds
        train/     everything else: approx_kl, clip_fraction, explained_variance, ...
    """
    return {
        f"{_group(name)}/{name}": float(value)
        for name, value in metrics.to_json().items()
        if name != "steps" and isinstance(value, int | float)
    }


def _group(name: str) -> str:
    if name in _SCORES:
        return "score"
    if name in _PROGRESS:
        return "progress"
    return "time" if name.endswith(("_seconds", "_per_second")) else "train"
