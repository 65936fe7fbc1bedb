"""The digest: the same as with any JSON library, and every bit of the data counts."""

import hashlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.json_data.digest import digest

PROPERTY = settings(settings.get_profile("lander"), max_examples=60)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def by_the_recipe(data: Any) -> str:
    """As in the docstring and docs/evaluation.md."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@PROPERTY
@given(data=plain)
def test_a_digest_is_that_of_canonical_json(data: Any) -> None:
    assert digest(data) == by_the_recipe(data)


@pytest.mark.parametrize("count", [0, 1, 9_999, 10_000, 10_001, 25_000])
def test_arrays_count_as_lists(count: int) -> None:
    """They are computed in slices of 10,000."""
    values = np.random.default_rng(count).normal(size=count)
    assert digest({"b": values, "a": 1}) == by_the_recipe({"b": values.tolist(), "a": 1})


def test_nan_in_an_array_is_null() -> None:
    assert digest(np.array([1.0, np.nan])) == by_the_recipe([1.0, None])


def test_the_last_bit_counts() -> None:
    value = 281.1
    assert digest({"mean": value}) != digest({"mean": np.nextafter(value, 300.0).item()})
