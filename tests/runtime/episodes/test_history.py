"""The history of several lanes gives each episode its own observations, whenever the others begin and end."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime.episodes.history import ObservationHistory


@pytest.mark.parametrize(("mean_length", "longest"), [(20, 60), (400, 3000)], ids=["drops", "doubles"])
def test_every_episode_gets_its_own(mean_length: int, longest: int) -> None:
    """With lanes that idle for a while, over many times the rows that the array begins with."""
    lanes, rng = 5, np.random.default_rng(0)
    history = ObservationHistory(lanes, (2,), np.dtype(np.float32))
    running: dict[int, list[NDArray[np.float32]]] = {}
    ended = 0
    for step in range(5000):
        for column in range(lanes):
            if column not in running and rng.random() < 0.5:
                history.begin(column)
                running[column] = []
        columns = sorted(running)
        obs = np.array([(column, step) for column in columns], np.float32).reshape(-1, 2)
        history.add(slice(None) if len(columns) == lanes else columns, obs)
        for column, row in zip(columns, obs, strict=True):
            running[column].append(row)
            if rng.random() < 1 / mean_length or len(running[column]) == longest:
                last = np.array([column, -1.0], np.float32)
                found = history.end(column, last)
                assert np.array_equal(found, [*running.pop(column), last])
                ended += 1
    assert ended > 20
    assert len(history._rows) <= max(256, 4 * longest)


def test_the_callers_array_may_change_afterwards() -> None:
    history = ObservationHistory(1, (2,), np.dtype(np.float32))
    obs = np.zeros((1, 2), np.float32)
    history.begin(0)
    history.add(slice(None), obs)
    obs[:] = 7.0
    assert history.end(0, obs[0]).tolist() == [[0.0, 0.0], [7.0, 7.0]]
