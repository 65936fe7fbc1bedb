"""`lander train --seeds`, `lander sweep`: what they print, their exit codes, and what they suggest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]

SEEDS = ["--seeds", "2", "--jobs", "1", "--steps", "1024"]


@pytest.fixture
def space() -> Path:
    path = Path("space.toml")
    path.write_text(
        'env = "CartPole-v1"\nsteps = 256\nbackend = "gymnasium"\ndevice = "cpu"\n'
        "[settings]\nlanes = 8\nrollout_steps = 32\nselection_episodes = 2\n"
        "[space]\nlearning_rate = { low = 1e-3, high = 6e-3, log = true }\n"
    )
    return path


def test_seeds_end_with_figures_and_an_exported_policy(lander: Lander, tiny_run: list[Any]) -> None:
    outcome = lander("train", *tiny_run, *SEEDS, "--seed", "3")
    assert outcome.code == 0
    names = [line.split("  ")[0] for line in outcome.out.splitlines()]
    assert names[:4] == ["seed 3", "seed 4", "mean", "worst"]
    assert {"picture", "chosen", "policy", "score"} <= set(names)
    policy = outcome.next.split()[2]
    assert Path(policy).is_file()
    assert outcome.next == f"lander eval {policy} --episodes 1000"


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


def test_a_sweep_ends_with_a_preset_and_goes_on(lander: Lander, space: Path) -> None:
    pytest.importorskip("optuna", reason="needs the extra sweep")
    options = ["--seeds", "1", "--episodes", "2", "--jobs", "1", "--out", "found"]
    outcome = lander("sweep", space, "--trials", "1", *options)
    assert outcome.code == 0
    assert "1 completed, 0 pruned, 0 cut short" in outcome.out
    assert "\n[found]\nsteps = 256\n" in outcome.out
    assert outcome.next.startswith("lander train CartPole-v1 --steps 256 ")
    assert outcome.next.endswith(" --seeds 5")
    more = lander("sweep", space, "--trials", "2", *options, "--json")
    assert json.loads(more.out)["completed"] == 2
    other = lander("sweep", space, "--trials", "3", *options, "--objective", "failures")
    assert (other.code, other.message.split(",")[0]) == (2, "The study was started with objective score")


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
