"""The comparison by hand-made episodes: its figures, its bounds, and how a stopped measurement goes on."""

from pathlib import Path

import numpy as np
import pytest

import simulator_loop
from simulator_loop import FIRST_SEED, Episodes, compare, table
from simulator_pilots import Pilot

PILOT = Pilot("still", lambda observations, seeds, step: np.zeros(len(observations), np.int64))


def pairs(gymnasium: list[float], simulator: list[float], landed: tuple[int, int]) -> np.ndarray:
    """Episodes of 100 steps with these returns; the first so many landed in each world."""
    made = np.full((len(gymnasium), 2, 3), 100.0)
    made[:, :, 0] = np.stack([gymnasium, simulator], 1)
    made[:, :, 2] = np.arange(len(gymnasium))[:, None] < np.array(landed)
    return made


def test_figures_worked_out_by_hand() -> None:
    row = compare("shipped", pairs([0, 10, 20, 30], [1, 9, 21, 31], (2, 2)))
    # Differences 1, -1, 1, 1: mean 0.5, standard deviation 1, its error 1 / 2.
    assert row["difference"] == pytest.approx(0.5)
    assert row["difference_95"] == pytest.approx(1.96 / 2)
    # Between 9 and 10 a quarter of the simulator's returns more lie below.
    assert row["ks_distance"] == pytest.approx(0.25)
    assert row["within"] == {"mean": True, "ks": False, "landed": True}


def test_landed_shares_have_another_bound_for_the_shipped_policy() -> None:
    # One more of 400 landed: 0.25 points, and one standard error of a difference that one pair makes.
    made = pairs([0.0] * 400, [0.0] * 400, (100, 101))
    assert not compare("shipped", made)["within"]["landed"]
    assert compare("heuristic", made)["within"]["landed"]


def test_the_table_names_what_is_outside() -> None:
    row = compare("shipped", pairs([0, 10, 20, 30], [1, 9, 21, 31], (2, 2)))
    last = table([{"policy": "shipped", "world": "wind", **row}]).splitlines()[-1]
    assert last == "| shipped | wind | 4 | 15.0 | +0.500 ± 0.980 | 0.2500 | 50.00%, 50.00% | 0% | ks |"


def test_a_stopped_measurement_goes_on_with_the_seeds_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flown: list[int] = []

    def loop(pilot: Pilot, settings: dict[str, object], seeds: np.ndarray) -> np.ndarray:
        flown.extend(seeds - FIRST_SEED)
        return np.repeat(seeds.astype(float), 6).reshape(-1, 2, 3)

    monkeypatch.setattr(simulator_loop, "closed_loop", loop)
    monkeypatch.setattr(simulator_loop, "BETWEEN_WRITES", 2)
    file = tmp_path / "loop.npz"
    Episodes(file, resume=False).fly("still, plain", PILOT, {}, 3)
    kept = Episodes(file, resume=True)
    both = kept.fly("still, plain", PILOT, {}, 5)
    assert flown == [0, 1, 2, 3, 4]
    assert both[:, 0, 0].tolist() == [FIRST_SEED + i for i in range(5)]
    assert kept.fly("still, plain", PILOT, {}, 4).shape == (4, 2, 3)
    assert Episodes(file, resume=False).pairs == {}
