"""Damage at random, to the bytes and to the metadata: the policy works, or one of our own errors says why."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime import LanderError, Policy

Load = Callable[[bytes], Policy]

PROPERTY = settings(settings.get_profile("lander"), max_examples=150)


@PROPERTY
@given(data=st.data())
def test_any_damage_to_the_bytes_is_survived(
    data: st.DataObject, tiny_discrete: Path, tiny_continuous: Path, load: Load
) -> None:
    content = bytearray(data.draw(st.sampled_from([tiny_discrete, tiny_continuous])).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 8))
        content[start : start + length] = data.draw(st.binary(max_size=8))
    check_that_it_works_or_is_refused(lambda: load(bytes(content)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def every_path(data: Any) -> list[tuple[Any, ...]]:
    """The path of every entry and every list item."""
    items = (
        list(data.items())
        if isinstance(data, dict)
        else list(enumerate(data))
        if isinstance(data, list)
        else []
    )
    return [path for key, value in items for path in [(key,), *((key, *rest) for rest in every_path(value))]]


@PROPERTY
@given(data=st.data())
def test_any_change_of_the_metadata_is_survived(
    data: st.DataObject,
    tiny_discrete: Path,
    tiny_continuous: Path,
    metadata_of: Callable[[Path], Any],
    with_metadata: Callable[..., bytes],
    load: Load,
) -> None:
    source = data.draw(st.sampled_from([tiny_discrete, tiny_continuous]))
    metadata = copy.deepcopy(metadata_of(source))
    # The golden vectors hold most paths; drawn from the rest half of the time, else they get it all.
    paths = every_path(metadata)
    outer = [path for path in paths if path[0] != "golden"]
    path = data.draw(st.sampled_from(outer) | st.sampled_from(paths))
    if data.draw(st.booleans()):
        inside(metadata, path)[path[-1]] = data.draw(JSON_VALUES)
    else:
        del inside(metadata, path)[path[-1]]
    check_that_it_works_or_is_refused(lambda: load(with_metadata(source, json.dumps(metadata))))


def check_that_it_works_or_is_refused(load_it: Callable[[], Policy]) -> None:
    """To work is to act, to test itself and to say what it is; an error of our own may end each."""
    try:
        policy = load_it()
    except LanderError as error:
        assert str(error)
        return
    policy.info.to_json()
    shape, dtype = policy.info.observation.shape, policy.info.observation.dtype
    for use in (
        lambda: policy.act(np.zeros(shape, dtype)),
        lambda: policy.act(np.zeros((2, *shape), dtype), np.random.default_rng(0)),
        policy.self_test,
    ):
        try:
            use()
        except LanderError as error:
            assert str(error)


def inside(data: Any, path: Any) -> Any:
    """What holds the last entry of `path`."""
    for key in path[:-1]:
        data = data[key]
    return data
