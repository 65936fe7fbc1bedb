"""When two runs of one network agree, and what a file says about it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import Policy
from lander_runtime.errors import InputRefused
from lander_runtime.policy.agreement import among_best, difference
from lander_runtime.policy.metadata import Golden, PolicyInfo

Rebuild = Callable[..., bytes]
Load = Callable[..., Policy]


def test_difference_is_divided_by_the_scale() -> None:
    found, expected = np.float32([1.5, 300.0]), np.float32([1.0, 200.0])
    assert difference(found, expected) == 0.5  # 0.5 of 1, and 100 of 200
    assert difference(found, expected, np.array([1.0, 50.0])) == 2.0
    assert difference(found, expected[:1], np.array([1.0])) == math.inf


def test_actions_are_among_the_best_within_the_errors_of_both() -> None:
    scores = np.array([[0.0, 1.0, 0.5]] * 5)
    allowed = np.array([[0.1, 0.3, 0.2]] * 5)
    found = among_best(np.array([1, 2, 0, 3, -1]), scores, allowed)
    assert found.tolist() == [True, True, False, False, False]


def with_logits(logits: list[list[float]], **golden: Any) -> Callable[[Any], None]:
    def change(metadata: Any) -> None:
        metadata["golden"]["outputs"]["logits"] = logits
        metadata["golden"].update(golden)

    return change


@pytest.fixture
def logits(tiny_discrete: Path) -> list[list[float]]:
    """Of the golden observations."""
    return [list(row) for row in PolicyInfo.read(tiny_discrete).golden.outputs["logits"]]


def scale_of(logits: list[list[float]], value: float) -> dict[str, Any]:
    return {"logits": [[value] * len(row) for row in logits]}


def test_scale_and_tolerance_of_the_file_decide(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logits: list[list[float]]
) -> None:
    logits[0][0] += 0.004
    for scale, tolerance, passes in ((1000.0, 5e-6, True), (1000.0, 3e-6, False), (2.0, 1e-3, False)):
        change = with_logits(logits, scale=scale_of(logits, scale), tolerance=tolerance)
        content = with_changed_metadata(tiny_discrete, change)
        if passes:
            assert load(content).self_test() == pytest.approx(0.004 / scale, rel=1e-3)
        else:
            with pytest.raises(InputRefused, match=f"at most {tolerance:g} was expected"):
                load(content)


def test_a_tied_action_may_be_another(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logits: list[list[float]]
) -> None:
    best, second = np.argsort(logits[0])[::-1][:2]
    gap = logits[0][best] - logits[0][second]

    def swapped(scale: float) -> Policy:
        def change(metadata: Any) -> None:
            with_logits(logits, scale=scale_of(logits, scale), tolerance=1e-3)(metadata)
            metadata["golden"]["outputs"]["action"][0] = int(second)

        return load(with_changed_metadata(tiny_discrete, change))

    assert swapped(gap / 2 * 1001).self_test() == 0.0
    with pytest.raises(InputRefused, match="golden outputs differ"):
        swapped(max(1.0, gap / 2 * 990))


@pytest.mark.parametrize("value", [0.5, 0.0, -1.0, None, "wide", math.inf, math.nan])
def test_scales_below_one_and_no_numbers_are_refused(
    tiny_discrete: Path,
    with_changed_metadata: Rebuild,
    load: Load,
    logits: list[list[float]],
    value: Any,
) -> None:
    change = with_logits(logits, scale=scale_of(logits, value))
    with pytest.raises(InputRefused, match=r"stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, change))


@pytest.mark.parametrize("scale", [[1.0], {"logits": 1.0}, {"logits": [[1.0]]}, {"logits": []}, "wide"])
def test_scales_of_another_shape_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logits: list[list[float]], scale: Any
) -> None:
    with pytest.raises(InputRefused, match=r"stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, with_logits(logits, scale=scale)))


@pytest.mark.parametrize("tolerance", [0, -1e-5, 0.01, 1e300, "small", True, [1e-5]])
def test_a_tolerance_that_would_pass_anything_is_refused(
    tiny_discrete: Path,
    with_changed_metadata: Rebuild,
    load: Load,
    logits: list[list[float]],
    tolerance: Any,
) -> None:
    change = with_logits(logits, tolerance=tolerance)
    with pytest.raises(InputRefused, match="tolerance"):
        load(with_changed_metadata(tiny_discrete, change))


def test_an_unknown_scale_is_ignored(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logits: list[list[float]]
) -> None:
    change = with_logits(logits, scale={"values": "later"})
    assert load(with_changed_metadata(tiny_discrete, change)).self_test() <= 1e-5


def test_files_without_scale_and_tolerance_are_written_as_they_were() -> None:
    assert Golden([[1.0]], {"action": [1]}).to_json() == {"observations": [[1.0]], "outputs": {"action": [1]}}
