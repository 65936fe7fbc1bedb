"""Numbers as a policy's observations hold them: what is cast, and what is refused because it would change."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lander_runtime import UsageError
from lander_runtime.policy.casting import cast_observation

UINT8, INT64, FLOAT16 = (np.dtype(name) for name in ("uint8", "int64", "float16"))


@pytest.mark.parametrize(
    ("obs", "dtype", "index"),
    [
        ([300, 0], UINT8, [0]),
        ([0, -1], UINT8, [1]),
        ([0.0, 0.5], UINT8, [1]),
        ([0, 256.0], UINT8, [1]),
        ([2.0**63, 0.0], INT64, [0]),
        (np.array([0, 2**63], np.uint64), INT64, [1]),
        ([0.0, 1e300], INT64, [1]),
        ([70_000, 0], FLOAT16, [0]),
    ],
)
def test_what_would_change_is_refused_by_its_place(obs: Any, dtype: np.dtype[Any], index: list[int]) -> None:
    with pytest.raises(UsageError) as refused:
        cast_observation(obs, dtype, (2,))
    assert str(refused.value).startswith("The observation holds ")
    assert str(refused.value).endswith(f" at index {index}; {dtype} cannot hold it.")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_integer(bad: float) -> None:
    with pytest.raises(UsageError, match=rf"holds {bad} at index \[1\]; it must be finite"):
        cast_observation([0.0, bad], UINT8, (2,))


def test_whole_numbers_in_range_are_taken_whatever_their_type() -> None:
    for obs in ([0, 255], [0.0, 255.0], np.array([0, 255], np.float16), np.array([0, 255], np.int64)):
        cast = cast_observation(obs, UINT8, (2,))
        assert (cast.tolist(), cast.dtype) == ([0, 255], UINT8)
    extremes = [-(2**63), 2**63 - 1]
    assert cast_observation(extremes, INT64, (2,)).tolist() == extremes


class Unreadable:
    def __array__(self, *_: object, **__: object) -> Any:
        raise RuntimeError("not from here")


def test_what_numpy_cannot_read_is_named_by_its_type() -> None:
    with pytest.raises(UsageError, match="found Unreadable"):
        cast_observation(Unreadable(), UINT8, (2,))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float32_survives_the_way_through_lists(values: list[float]) -> None:
    expected = np.array(values, np.float32)
    np.testing.assert_array_equal(cast_observation(values, np.dtype("float32"), (len(values),)), expected)


@given(
    st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1),
    st.sampled_from(["uint8", "int8", "int16", "int32"]),
)
def test_integers_are_taken_exactly_where_they_fit(values: list[int], name: str) -> None:
    limits = np.iinfo(name)
    if all(limits.min <= value <= limits.max for value in values):
        assert cast_observation(values, np.dtype(name), (len(values),)).tolist() == values
    else:
        with pytest.raises(UsageError):
            cast_observation(values, np.dtype(name), (len(values),))
