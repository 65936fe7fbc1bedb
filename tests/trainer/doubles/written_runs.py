"""Rows of runs that nobody trained, and what writes them into a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

AddRun = Callable[..., Path]


def row(
    steps: float, mean_return: float | None = None, selection_score: float | None = None
) -> dict[str, Any]:
    return {
        "steps": steps,
        "seconds": steps / 1000,
        "mean_return": mean_return,
        "selection_score": selection_score,
        "best_score": selection_score,
    }


ROWS = [row(100), row(200, 10.0), row(300, 20.0, 15.0), row(400, 40.0, 35.5)]
