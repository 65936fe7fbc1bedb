"""Figures that no episodes can have, as a file may claim them."""

from typing import Any

import pytest

from lander_runtime.errors import InputRefused
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.summary import Summary

POSSIBLE: dict[str, Any] = {
    "episodes": 4, "first_seed": 0, "deterministic": True, "mean_return": 10.0, "std_return": 10.0,
    "ci95": [0.0, 20.0], "iqm_return": 10.0, "min_return": 0.0, "max_return": 20.0, "success_rate": 0.5,
    "mean_length": 9.0, "median_return": 10.0, "cvar05_return": 0.0, "mean_minus_std": 0.0,
    "success_ci95": [0.1, 0.9], "outcome_counts": {"landed": 2, "crashed": 2}, "mean_measures": {"x": 1.0},
}  # fmt: skip
"""Of the returns 0, 0, 20 and 20."""


def test_what_episodes_can_have_is_read() -> None:
    assert Summary.from_json(Fields(POSSIBLE, "file")).to_json() == POSSIBLE


@pytest.mark.parametrize(
    "changes",
    [
        {"episodes": 0, "outcome_counts": {}}, {"episodes": -1}, {"episodes": 10**30}, {"episodes": 4.0},
        {"first_seed": -5}, {"std_return": -1.0}, {"std_return": 10.1}, {"min_return": 30.0},
        {"mean_return": 20.1}, {"mean_return": -0.1}, {"mean_return": True}, {"mean_return": "10"},
        {"mean_return": float("nan")}, {"iqm_return": 21.0}, {"median_return": -3.0}, {"cvar05_return": 10.1},
        {"mean_minus_std": 1.0}, {"success_rate": 1.5}, {"success_rate": -0.1}, {"success_ci95": [0.0, 2.0]},
        {"success_ci95": [0.9, 0.1]}, {"ci95": [20.0, 0.0]}, {"ci95": [1.0]}, {"mean_length": 0.0},
        {"outcome_counts": {"landed": 3}}, {"outcome_counts": {"landed": 5, "crashed": -1}},
        {"min_return": -1e300, "cvar05_return": -1e300}, {"episodes": 1, "outcome_counts": {}},
    ],
    ids=str,
)  # fmt: skip
def test_what_they_cannot_have_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match="should be"):
        Summary.from_json(Fields({**POSSIBLE, **changes}, "file"))
