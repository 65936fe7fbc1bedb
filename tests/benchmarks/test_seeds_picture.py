import numpy as np

from seeds_picture import on_one_grid


def test_curves_meet_where_all_have_values() -> None:
    steps, values = on_one_grid([[(0, 0.0), (100, 100.0)], [(20, 5.0), (60, 5.0)]])
    assert (steps[0], steps[-1]) == (20, 60)
    np.testing.assert_allclose(values[0], steps)
    np.testing.assert_allclose(values[1], 5.0)
