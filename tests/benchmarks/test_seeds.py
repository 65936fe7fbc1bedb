"""What `benchmarks/seeds.py --resume` keeps."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from lander_trainer import preset
from seeds import finished, results

BASE = preset("LunarLander-v3")


def written(tmp_path: Path, trials: list[Any]) -> Namespace:
    """The options of a measurement whose file holds these trials."""
    options = Namespace(
        out=tmp_path / "seeds.json", resume=True, seeds=3, episodes=1, jobs=1, preset="default"
    )
    options.out.write_text(json.dumps(results(options, BASE, trials, {})))
    return options


def test_trials_are_kept_by_their_seeds(tmp_path: Path, trial: Callable[..., Any]) -> None:
    options = written(tmp_path, [trial(2, 20.0), trial(1, 10.0), trial(5, 50.0)])
    assert [(kept.seed, kept.mean) for kept in finished(options, BASE)] == [(1, 10.0), (2, 20.0)]
    assert finished(Namespace(**{**vars(options), "resume": False}), BASE) == []


def test_trials_of_other_settings_are_not_mixed_in(tmp_path: Path, trial: Callable[..., Any]) -> None:
    options = written(tmp_path, [trial(1, 10.0)])
    with pytest.raises(SystemExit, match="of other settings"):
        finished(options, BASE.with_values({"steps": BASE.steps + 1}))
