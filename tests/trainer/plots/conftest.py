"""Folders of runs to draw."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from written_runs import ROWS, AddRun


@pytest.fixture
def add_run(tmp_path: Path) -> AddRun:
    """(name, rows, settings) -> the folder of a run at runs/CartPole-v1/<name>."""

    def add(name: str, rows: Sequence[dict[str, Any]] = ROWS, **settings: Any) -> Path:
        folder = tmp_path / "runs" / "CartPole-v1" / name
        folder.mkdir(parents=True)
        config = {"env": "CartPole-v1", "seed": 1, "learning_rate": 0.0025, "hidden_sizes": [64, 64]}
        (folder / "config.toml").write_text(tomli_w.dumps(config | settings))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
        return folder

    return add
