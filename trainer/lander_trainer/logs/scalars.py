"""The numbers of one update, under the names that all trackers show."""

from lander_trainer.runs.metrics import UpdateMetrics

_SCORES = ("mean_return", "selection_score", "best_score")
_PROGRESS = ("update", "episodes", "seconds")


def scalars(metrics: UpdateMetrics) -> dict[str, float]:
    """All numbers of `metrics` except `steps`, which is the x axis; None and NaN are left out.

    The names are those of `metrics.jsonl` after a group, because trackers show each group as a section:

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
