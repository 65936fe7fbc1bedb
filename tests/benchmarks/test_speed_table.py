"""Medians and the table of the training benchmark, on runs with numbers that can be checked by eye."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "speed_table.py"


@pytest.fixture(scope="module")
def speed_table() -> Any:
    spec = importlib.util.spec_from_file_location("speed_table", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(contender: str, seed: int, speed: float, solved: float | None = None) -> dict[str, Any]:
    """A run of 1,000 steps that spent three quarters of its time outside the environment."""
    return {
        "contender": contender,
        "seed": seed,
        "steps": 1000,
        "seconds": 1000 / speed,
        "steps_per_second": speed,
        "environment_seconds": 250 / speed,
        "seconds_to_200": solved,
        "steps_to_200": None if solved is None else 900,
        "greedy_mean": 100.0 + seed,
        "greedy_episodes": 100,
        "peak_rss_mb": 300.0,
        "scored": "final weights",
        "torch_threads": 2,
        "versions": {"python": "3.11"},
        "date": f"2026-01-0{seed}T00:00:00+00:00",
    }


def test_medians_of_one_contender(speed_table: Any) -> None:
    row = speed_table.medians([run("sb3", 1, 100.0), run("sb3", 2, 500.0), run("sb3", 3, 200.0)])["sb3"]
    assert row["runs"] == 3
    assert row["steps_per_second"] == 200.0
    assert row["steps_per_second_range"] == [100.0, 500.0]
    assert row["outside_environment"] == pytest.approx(0.75)
    assert row["greedy_mean"] == 102.0


def test_selection_is_shown_where_there_was_one(speed_table: Any) -> None:
    chose = run("lander", 1, 100.0) | {"selection_seconds": 0.5}
    results = {
        "env": "LunarLander-v3",
        "machine": {"cpu": "some CPU", "cores": 2},
        "commands": ["a command"],
        "runs": [chose, run("sb3", 1, 100.0)],
    }
    shown = [
        line for line in speed_table.table(results).splitlines() if line.startswith(("| lander", "| sb3"))
    ]
    assert [line.split(" | ")[3] for line in shown] == ["75% (5%)", "75%"]


def test_ratios_pair_runs_of_the_same_round(speed_table: Any) -> None:
    # The machine was ten times slower in round 2; the medians alone would say 110 / 55 = 2.
    runs = [run("sb3", 1, 100.0), run("fast", 1, 300.0), run("sb3", 2, 10.0), run("fast", 2, 30.0)]
    runs.append(run("fast", 3, 7.0))  # has no partner and must not count
    rows = speed_table.medians(runs)
    assert rows["fast"]["times_sb3"] == pytest.approx(3.0)
    assert rows["sb3"]["times_sb3"] == 1.0
    assert rows["fast"]["times_notebook"] is None


@pytest.mark.parametrize(
    ("solved", "median", "reached"),
    [
        ([4.0, None, 6.0], 6.0, 2),
        ([4.0, None, None], None, 1),
        ([4.0, None], None, 1),
        ([None], None, 0),
    ],
)
def test_a_run_that_never_solved_counts_as_infinitely_late(
    speed_table: Any, solved: list[float | None], median: float | None, reached: int
) -> None:
    row = speed_table.medians([run("sbx", seed, 10.0, value) for seed, value in enumerate(solved, 1)])["sbx"]
    assert row["seconds_to_200"] == median
    assert row["reached_200"] == reached


def test_the_table_compares_with_the_references_that_ran(speed_table: Any) -> None:
    runs = [run("lander", 1, 3000.0, 12.34), run("sb3", 1, 1000.0), run("lander", 2, 3000.0, 12.34)]
    results = {
        "env": "LunarLander-v3",
        "machine": {"cpu": "A CPU", "cores": 2},
        "commands": ["python benchmarks/train_speed.py"],
        "runs": runs,
    }
    lines = speed_table.table(results).splitlines()
    assert lines[0].startswith("LunarLander-v3, A CPU, 2 cores, 2026-01-01 to 2026-01-02.")
    head, _, lander, sb3 = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")
    )
    assert head[-1] == "against sb3"
    assert lander == [
        "lander",
        "2 x 1,000",
        "3,000 (3,000 to 3,000)",
        "75%",
        "12.3 s (2 of 2)",
        "101.5",
        "300 MB",
        "3.00x",
    ]
    assert sb3[4] == "never (0 of 1)"
    assert sb3[-1] == "1.00x"


def test_processor_time_tells_the_first_update_apart(speed_table: Any) -> None:
    ours = run("lander", 1, 100.0) | {"cpu_seconds": 0.1}
    # 1,000 steps in 3 s, of which the first 500 took 2 s.
    first = {"steps": 500, "cpu_seconds": 2.0}
    theirs = run("sbx", 1, 100.0) | {"cpu_seconds": 3.0, "first_update": first}
    lines = speed_table.processor_table([ours, theirs, run("before it was measured", 1, 100.0)]).splitlines()
    assert lines[2:] == ["| lander | 10,000 | - | - |", "| sbx | 333 | 500 | 20.0x |"]
