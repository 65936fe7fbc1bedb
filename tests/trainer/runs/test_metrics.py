"""The metrics of an update, as a row of JSON and as a picture."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lander_trainer import UpdateMetrics
from lander_trainer.plots.curve import draw_learning_curve


def metrics_of(**changes: Any) -> UpdateMetrics:
    plain = {
        "update": 1,
        "done": 0.25,
        "steps": 4096,
        "seconds": 1.5,
        "steps_per_second": 2730.5,
        "episodes": 7,
        "mean_return": -120.25,
        "selection_score": None,
        "best_score": None,
        "policy_loss": -0.01,
        "value_loss": 3.5,
        "entropy": 1.38,
        "approx_kl": 0.002,
        "clip_fraction": 0.0,
        "grad_norm": 0.7,
        "explained_variance": 0.1,
        "learning_rate": 0.0025,
        "epochs": 4,
        "environment_seconds": 0.5,
        "inference_seconds": 0.25,
        "update_seconds": 0.75,
        "selection_seconds": 0.0,
    }
    return UpdateMetrics(**(plain | changes))


def test_row_keeps_every_number() -> None:
    row = json.loads(json.dumps(metrics_of().to_json(), allow_nan=False))
    assert UpdateMetrics(**row) == metrics_of()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_json_cannot_hold_becomes_null(value: float) -> None:
    row = metrics_of(explained_variance=value).to_json()
    assert row["explained_variance"] is None
    json.dumps(row, allow_nan=False)


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        metrics_of(update=n, steps=4096 * n, mean_return=float(n), **changes).to_json()
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("drawn", "threshold"),
    [
        ([], None),
        ([], 200.0),
        (rows(1), 200.0),
        (rows(30), 200.0),
        (rows(30, selection_score=5.0), None),
        ([{**row, "mean_return": None} for row in rows(3)], 200.0),
    ],
    ids=["empty", "threshold alone", "one row", "training", "with selection", "no episode ended"],
)
def test_curve_is_a_picture_of_the_promised_size(
    tmp_path: Path, drawn: list[dict[str, Any]], threshold: float | None
) -> None:
    path = tmp_path / "run" / "learning_curve.png"
    draw_learning_curve(drawn, path, title="LunarLander-v3, seed 1", reward_threshold=threshold)
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (1200, 675))
    assert list(path.parent.iterdir()) == [path]


TRAINING, SELECTION, THRESHOLD = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)


def colours_in(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as image:
        counted = image.convert("RGB").getcolors(maxcolors=1 << 24)
    return {colour for _, colour in counted or []}


def test_curve_shows_only_values_that_exist(tmp_path: Path) -> None:
    def drawn(name: str, data: list[dict[str, Any]], threshold: float | None) -> set[tuple[int, ...]]:
        path = tmp_path / name
        draw_learning_curve(data, path, title="run", reward_threshold=threshold)
        return colours_in(path) & {TRAINING, SELECTION, THRESHOLD}

    assert drawn("empty.png", [], None) == set()
    assert drawn("training.png", rows(9), None) == {TRAINING}
    assert drawn("all.png", rows(9, selection_score=5.0), 7.0) == {TRAINING, SELECTION, THRESHOLD}
