"""Columns of an evaluation: episodes that are added are read back, in order, with their types."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.episodes.episode import Episode
from lander_runtime.scores.results import Collected
from lander_runtime.spec import Component

FUEL, SPEED = Component("fuel", "steps"), Component("speed", "m/s")


def test_columns_by_hand() -> None:
    collected = Collected([FUEL, SPEED])
    collected.add(
        [Episode(0, 50, 1.5, 10, "landed", (3.0, 0.25)), Episode(1, 51, -2.0, 7, "lost", (1.0, None))]
    )
    collected.add([Episode(2, 52, 0.1 + 0.2, 9, "landed", (0.0, 0.5))])
    results = collected.results()
    assert len(results) == 3
    assert results.returns.tolist() == [1.5, -2.0, 0.1 + 0.2]
    assert results.lengths.tolist() == [10, 7, 9]
    assert results.outcomes == ["landed", "lost", "landed"]
    assert results.outcome_counts == {"landed": 2, "lost": 1}
    assert list(results.measures) == [FUEL, SPEED]
    assert results.measures[FUEL].tolist() == [3.0, 1.0, 0.0]
    np.testing.assert_array_equal(results.measures[SPEED], [0.25, np.nan, 0.5])
    types = (results.returns.dtype, results.lengths.dtype, results.outcome_codes.dtype)
    assert types == (np.float64, np.int32, np.uint8)


def test_results_do_not_change_when_more_is_added() -> None:
    collected = Collected([])
    collected.add([Episode(0, 0, 1.0, 1, "done")])
    before = collected.results()
    collected.add([Episode(1, 1, 2.0, 1, "lost")])
    assert before.returns.tolist() == [1.0]
    assert before.outcome_counts == {"done": 1}
    assert len(collected.results()) == 2


def test_no_episodes_are_empty_columns() -> None:
    results = Collected([FUEL]).results()
    assert len(results) == 0
    assert (results.outcomes, results.outcome_counts) == ([], {})
    assert results.measures[FUEL].shape == (0,)


episodes = st.lists(
    st.builds(
        Episode,
        index=st.just(0),
        seed=st.just(0),
        return_=st.floats(-1e99, 1e99),
        length=st.integers(1, 2**31 - 1),
        outcome=st.sampled_from(["landed", "crashed", "flew off", "timed out"]),
        measures=st.tuples(st.none() | st.floats(allow_nan=False)),
    )
)


@settings(settings.get_profile("lander"))
@given(episodes, st.integers(0, 20))
def test_what_is_added_comes_out_however_it_is_cut(given: list[Episode], cut: int) -> None:
    collected = Collected([FUEL])
    collected.add(given[:cut])
    collected.add(given[cut:])
    results = collected.results()
    values = results.measures[FUEL].tolist()
    assert [
        (return_, length, outcome, (None if value != value else value,))
        for return_, length, outcome, value in zip(
            results.returns.tolist(), results.lengths.tolist(), results.outcomes, values, strict=True
        )
    ] == [(episode.return_, episode.length, episode.outcome, episode.measures) for episode in given]
