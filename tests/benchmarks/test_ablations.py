import json
from collections.abc import Callable

import numpy as np
import pytest

from ablations import CHANGES, Results, median_steps, paired_difference
from lander_runtime.errors import CheckFailed, InputRefused
from lander_trainer import preset
from trials import Trial, thin

Make = Callable[..., Trial]


def test_differences_pair_the_seeds_that_both_have(trial: Make) -> None:
    base = [trial(1, 100.0), trial(2, 200.0), trial(3, 900.0)]
    difference, interval = paired_difference([trial(2, 210.0), trial(1, 130.0)], base)
    assert difference == 20.0
    assert interval is not None
    assert interval[0] < 20.0 < interval[1]


def test_a_common_shift_of_all_seeds_has_an_exact_interval(trial: Make) -> None:
    base = [trial(1, 100.0), trial(2, 200.0)]
    assert paired_difference([trial(1, 107.0), trial(2, 207.0)], base) == (7.0, (7.0, 7.0))


def test_the_median_is_infinite_where_most_seeds_never_reach_200(trial: Make) -> None:
    assert median_steps([trial(1, 0, steps_to_200=10), trial(2, 0, steps_to_200=30), trial(3, 0)]) == 30
    assert median_steps([trial(1, 0, steps_to_200=10), trial(2, 0), trial(3, 0)]) == np.inf


def test_results_come_back_from_their_file(tmp_path, trial: Make) -> None:
    results = Results({"steps": 1000}, {}, {})
    results.add("relu", 202, trial(202, 0.1 + 0.2))
    results.add("relu", 201, trial(201, 5.0))
    results.add("relu", 203, CheckFailed("no longer finite"))
    path = tmp_path / "ablations.json"
    path.write_text(json.dumps(results.to_json()))
    read = Results.read(path)
    assert read.to_json() == results.to_json()
    assert [one.seed for one in read.trials["relu"]] == [201, 202]
    assert read.has("relu", 203)
    assert not read.has("relu", 204)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "lander.seeds/1"}'])
def test_another_file_is_refused(tmp_path, text) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputRefused, match="no file of ablations"):
        Results.read(path)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_one_the_trainer_takes(name) -> None:
    base = preset("LunarLander-v3")
    values = {key: v for key, v in CHANGES[name](base).items() if key != "bootstrap_truncations"}
    assert values == {} or base.with_values(values) != base


def test_thinning_keeps_both_ends() -> None:
    curve = [(step, float(step)) for step in range(1000)]
    thinned = thin(curve, 200)
    assert len(thinned) == 200
    assert (thinned[0], thinned[-1]) == (curve[0], curve[-1])
    assert thin(curve[:3], 200) == tuple(curve[:3])
