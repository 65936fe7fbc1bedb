import pytest

pytest.importorskip("optuna", reason="needs the extra sweep")

from lander_rl.searching.results import Sweep, SweepTrial
from lander_rl.searching.space import SearchSpace
from lander_rl.training.request import TrainRequest
from lander_trainer import preset
from study import report
from study_space import SPACE

BASE = preset("LunarLander-v3")


def test_the_preset_is_in_the_search_space_and_comes_back_unchanged() -> None:
    space = SearchSpace(TrainRequest(), SPACE)
    params = space.params_of(BASE)
    assert set(SPACE) - set(params) <= {"minibatches"}
    assert BASE.with_values(space.request(params).settings) == BASE


def test_the_report_names_the_preset_and_what_it_is_worth(tmp_path) -> None:
    start = SearchSpace(TrainRequest(), SPACE).params_of(BASE)
    trial = SweepTrial(3, 270.25, start, (270.0, 270.5), -20.0, 0.985, (4.4, None), 6.0)
    found = Sweep(
        env="LunarLander-v3", objective="mean greedy score", trials=(trial,), pruned=2, cut_short=0,
        start=start, importance={"gamma": 0.75}, folder=tmp_path, pictures=(), preset=None,
        command=("lander", "train"), interrupted=False,
    )  # fmt: skip
    text = report(found)
    assert "1 trials completed, 2 pruned" in text
    assert "| 3 (preset) | 270.2 | 270.0, 270.5 | -20.0 | 98.5% | 4 s, never | 6 s |" in text
    assert "| gamma | 75.0% |" in text
