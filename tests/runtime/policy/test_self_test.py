"""A file is tested with the golden vectors and the digest in it, and refused where they do not fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lander_runtime import InputRefused, Policy

Batch = Callable[[int], Any]
Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


def test_a_sound_file_passes(discrete: Policy, continuous: Policy) -> None:
    assert discrete.self_test() <= 1e-5
    assert continuous.self_test() <= 1e-5


def test_altered_weights_fail(tiny_discrete: Path, with_changed_graph: Rebuild, load: Load) -> None:
    """One bias, moved by 0.001, below what changes any golden action."""

    def nudge(model: onnx.ModelProto) -> None:
        set_weight(model, "head.bias", lambda bias: bias + np.array([0, 0.001, 0, 0], np.float32))

    with pytest.raises(InputRefused, match=r"stranger\.onnx: the golden outputs differ by 0\.001 on CPU"):
        load(with_changed_graph(tiny_discrete, nudge))


def test_weights_of_another_digest_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, with_changed_graph: Rebuild, load: Load
) -> None:
    def other(metadata: Any) -> None:
        metadata["weights_sha256"] = "0" * 64

    with pytest.raises(
        InputRefused, match=r"its weights have the SHA-256 \w{12}\.\.\., and it claims 000000000000"
    ):
        load(with_changed_metadata(tiny_discrete, other))

    def unused(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "unused"))

    assert load(with_changed_graph(tiny_discrete, unused)).self_test() <= 1e-5


def test_weights_that_are_not_numbers_fail(
    tiny_discrete: Path, tiny_continuous: Path, with_changed_graph: Rebuild, load: Load
) -> None:
    """NaN compares as neither larger nor smaller than anything; it must not slip through a maximum."""

    def spoil(model: onnx.ModelProto) -> None:
        set_weight(model, "head.bias", lambda bias: np.full_like(bias, np.nan))

    for path in (tiny_discrete, tiny_continuous):
        with pytest.raises(InputRefused, match="golden outputs differ"):
            load(with_changed_graph(path, spoil))


def test_a_golden_vector_that_is_short_of_a_row_fails(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    def drop(metadata: Any) -> None:
        del metadata["golden"]["outputs"]["logits"][0]

    with pytest.raises(InputRefused):
        load(with_changed_metadata(tiny_discrete, drop))


@pytest.mark.parametrize(
    "observations",
    [
        [],
        [[]],
        [[0.0] * 7] * 6,
        [[0.0] * 8, [0.0] * 7],
        [["0"] * 7 + ["x"]] * 6,
        [[None] * 8] * 6,
        [[float("nan")] * 8] * 6,
        [[1e300] * 8] * 6,
        [[10**400] * 8] * 6,
        [{"a": 1}] * 6,
        [0.0] * 8,
    ],
    ids=lambda value: repr(value)[:24],
)
def test_misshapen_golden_observations_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, observations: Any
) -> None:
    """The file is at fault, so it is the file that is refused: `UsageError` would blame the caller."""

    def change(metadata: Any) -> None:
        metadata["golden"]["observations"] = observations

    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, change))


@pytest.mark.parametrize(
    "logits",
    ["abc", [["x"] * 4] * 6, [[0.0, 1.0], [2.0]], {"a": 1}, [[10**400] * 4] * 6],
    ids=lambda value: repr(value)[:24],
)
def test_misshapen_golden_outputs_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logits: Any
) -> None:
    def change(metadata: Any) -> None:
        metadata["golden"]["outputs"]["logits"] = logits

    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, change))


@pytest.mark.parametrize("logit", [float("nan"), float("inf"), None, 1e9])
def test_golden_outputs_that_cannot_be_reached_do_not_pass(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, logit: float | None
) -> None:
    def change(metadata: Any) -> None:
        metadata["golden"]["outputs"]["logits"][3][2] = logit

    with pytest.raises(InputRefused):
        load(with_changed_metadata(tiny_discrete, change))


def set_weight(model: onnx.ModelProto, name: str, change: Callable[[Any], Any]) -> None:
    """Replace the initialiser `name` by what `change` makes of it."""
    tensor = next(item for item in model.graph.initializer if item.name == name)
    values = change(onnx.numpy_helper.to_array(tensor))
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, name))
