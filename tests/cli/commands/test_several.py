"""`lander train --seeds`, `lander sweep`: what they print, their exit codes, and what they suggest."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_rl.searching.results import Sweep, SweepTrial
from lander_rl.several.results import SeedRun, SeedRuns
from lander_rl.several.training_worker import Trained

Lander = Callable[..., Any]


@pytest.fixture
def space() -> Path:
    path = Path("space.toml")
    path.write_text('env = "CartPole-v1"\n[space]\ngamma = [0.98, 0.99]\n')
    return path


class Exported:
    """What stands for an exported policy."""

    policy = Path("runs/CartPole-v1/002/policy.onnx")

    def rows(self) -> list[tuple[str, str]]:
        return [("policy", str(self.policy))]

    def to_json(self) -> dict[str, Any]:
        return {"policy": str(self.policy)}


def seed_runs(**changed: Any) -> SeedRuns:
    """Two runs of two episodes; selection prefers the second."""
    runs = tuple(
        SeedRun(
            seed,
            Path(f"runs/CartPole-v1/00{seed}"),
            Trained(
                seed=seed, steps=64, seconds=1.0, interrupted=changed.get("interrupted", False),
                reached_target=False, selection_score=10.0 * seed, returns=np.array([9.0, 11.0]),
                seconds_to_threshold=None, last_mean=None, files={},
            ),
        )
        for seed in (1, 2)
    )  # fmt: skip
    exported: Any = None if changed.get("interrupted") else Exported()
    return SeedRuns(runs, changed.get("failed", {}), 2, None, exported)


@pytest.fixture
def trained_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """(what to return) -> the requests that the command makes, instead of carrying them out."""

    def give(found: SeedRuns) -> list[Any]:
        requests: list[Any] = []
        monkeypatch.setattr(
            "lander_rl.several.seeds.run_seeds", lambda request, **more: requests.append(request) or found
        )
        return requests

    return give


def test_seeds_end_with_figures_and_an_exported_policy(lander: Lander, trained_with: Any) -> None:
    asked = trained_with(seed_runs())
    outcome = lander("train", "CartPole-v1", "--seeds", "2", "--jobs", "1", "--seed", "3")
    assert outcome.code == 0
    assert [line.split("  ")[0] for line in outcome.out.splitlines()] == [
        "seed 1", "seed 2", "mean", "worst", "chosen", "policy",
    ]  # fmt: skip
    assert "seed 2: best selection score, 20.0" in outcome.out
    assert outcome.next == f"lander eval {Exported.policy} --episodes 1000"
    assert (asked[0].train.seed, asked[0].seeds, asked[0].jobs) == (3, 2, 1)
    found = json.loads(lander("train", "CartPole-v1", "--seeds", "2", "--json").out)
    assert (found["schema"], found["chosen_seed"]) == ("lander.train_seeds/1", 2)


def test_seeds_that_were_stopped_or_broke(lander: Lander, trained_with: Any) -> None:
    trained_with(seed_runs(interrupted=True))
    outcome = lander("train", "--seeds", "2")
    assert (outcome.code, outcome.next) == (130, "lander train --resume runs/CartPole-v1/001")
    # The first run had ended, and only the second was stopped.
    first, second = seed_runs().runs[0], seed_runs(interrupted=True).runs[1]
    trained_with(replace(seed_runs(interrupted=True), runs=(first, second)))
    outcome = lander("train", "--seeds", "2")
    assert (outcome.code, outcome.next) == (130, "lander train --resume runs/CartPole-v1/002")
    # In a folder of its own the group goes on; the seeds that did not begin are named.
    stopped = seed_runs(interrupted=True)
    for found in (stopped, replace(seed_runs(), runs=(first,), exported=None, missing=(2,))):
        trained_with(found)
        outcome = lander("train", "--seeds", "2", "--out", "sd")
        assert (outcome.code, outcome.err.splitlines()[-1]) == (130, "The same command goes on.")
    assert "seed 2  not trained yet" in outcome.out
    trained_with(seed_runs(failed={3: "a loss"}))
    outcome = lander("train", "--seeds", "3")
    assert outcome.code == 1
    assert outcome.message == "1 seed of 3 stopped: no longer finite."


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["--jobs", "2"], "--jobs, --engine and --ray-address go with --seeds."),
        (["--seeds", "1"], "--seeds should be from 2 to 100, found 1."),
        (["--seeds", "2", "--ray-address", "auto"], "--ray-address is for --engine ray."),
        (["--resume", "runs/x", "--seeds", "2"], "A resumed run keeps its settings"),
    ],
)
def test_what_does_not_go_together(lander: Lander, typed: list[str], named: str) -> None:
    outcome = lander("train", *typed)
    assert outcome.code == 2
    assert outcome.message.startswith(named)
    assert not Path("runs").exists()


def test_a_sweep_ends_with_a_preset(
    lander: Lander, space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = tmp_path / "preset.toml"
    preset.write_text("[found]\nsteps = 256\n")
    trial = SweepTrial(4, 9.5, {"gamma": 0.99}, (9.0, 10.0), 1.0, None, (None,), 2.0)
    found = Sweep(
        env="CartPole-v1", objective="mean greedy score", trials=(trial,), pruned=1, cut_short=0, start={},
        importance={"gamma": 1.0}, folder=tmp_path, pictures=(), preset=preset,
        command=("lander", "train", "CartPole-v1", "--set", "gamma=0.99"), interrupted=False,
    )  # fmt: skip
    asked: list[Any] = []
    monkeypatch.setattr(
        "lander_rl.searching.sweeping.run_sweep", lambda request, **more: asked.append(request) or found
    )
    outcome = lander("sweep", space, "--trials", "7", "--jobs", "1", "--import", "json")
    assert outcome.code == 0
    assert "1 completed, 1 pruned, 0 cut short" in outcome.out
    assert outcome.out.endswith("\n[found]\nsteps = 256\n")
    assert outcome.next == "lander train CartPole-v1 --set gamma=0.99 --import json --seeds 5"
    assert (asked[0].space, asked[0].trials, asked[0].jobs, asked[0].imports) == (space, 7, 1, ("json",))
    assert json.loads(lander("sweep", space, "--json").out)["best"][0]["settings"] == {"gamma": 0.99}


def test_a_sweep_of_nothing(lander: Lander) -> None:
    pytest.importorskip("optuna", reason="needs the extra sweep")
    outcome = lander("sweep", "none.toml")
    assert outcome.code == 3
    assert "none.toml" in outcome.message


def test_without_optuna_the_error_says_what_to_install(
    lander: Lander, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lander_rl.searching.sweeping.find_spec", lambda name: None)
    outcome = lander("sweep", space)
    assert outcome.code == 4
    assert outcome.message == "Optuna is not installed. Type: pip install 'lander-rl[sweep]'"


def test_watching_goes_with_one_training(lander: Lander) -> None:
    outcome = lander("train", "CartPole-v1", "--seeds", "2", "--watch")
    assert outcome.code == 2
    assert outcome.message == "--watch draws one training. Leave out --seeds."
