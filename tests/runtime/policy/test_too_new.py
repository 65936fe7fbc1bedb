"""Files newer than ONNX Runtime: what was found, the highest that is supported, the remedy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lander_runtime import InputRefused
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy import session
from lander_runtime.policy.session import open_session
from lander_runtime.policy.too_new import too_new

_MODEL = "[ONNXRuntimeError] : {kind} : {place} onnxruntime::Model::Model(onnx::ModelProto&&) "
_OLD = _MODEL.format(
    kind="2 : INVALID_ARGUMENT",
    place="Failed to load model with error: /onnxruntime_src/core/graph/model.cc:149",
)
_NEW = _MODEL.format(kind="1 : FAIL", place="/onnxruntime_src/onnxruntime/core/graph/model.cc:256")
_UNDER_DEVELOPMENT = (
    "ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions. "
    "Opset {} is under development and support for this is limited. The operator schemas and or other "
    "functionality may change before next ONNX release and in this case ONNX Runtime will not guarantee "
    "backward compatibility. Current official support for domain ai.onnx is till opset {}.\n"
)


@pytest.fixture
def model(tiny_discrete: Path) -> Model:
    return read_model(tiny_discrete.read_bytes(), tiny_discrete.name)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.15.1", f"{_OLD}Unsupported model IR version: 99, max supported IR version: 9\n"),
        ("1.18.1", f"{_OLD}Unsupported model IR version: 99, max supported IR version: 10\n"),
        ("1.31.1", f"{_NEW}Unsupported model IR version: 99, max supported IR version: 13\n"),
        ("in other words", "The IR version 99 is above IR version 12, the newest that is known."),
    ],
)
def test_an_ir_version(model: Model, version: str, said: str) -> None:
    reason = too_new(said, replace(model, ir_version=99), f"onnxruntime {version}")
    highest = {"1.15.1": 9, "1.18.1": 10, "1.31.1": 13, "in other words": 12}[version]
    assert reason is not None
    assert reason.startswith(
        f"expected an IR version up to {highest}, the highest that onnxruntime {version} reads, found 99. "
    )
    assert "m.ir_version = 8" in reason


@pytest.mark.parametrize(
    ("version", "highest", "start"),
    [("1.15.1", 19, _OLD), ("1.18.1", 21, _OLD), ("1.21.1", 22, _OLD), ("1.31.1", 26, _NEW)],
)
def test_an_opset(model: Model, version: str, highest: int, start: str) -> None:
    said = start + _UNDER_DEVELOPMENT.format(99, highest)
    assert too_new(said, replace(model, opset=99), f"onnxruntime {version}") == (
        f"expected an opset up to {highest}, the highest that onnxruntime {version} runs, found 99. "
        "Update onnxruntime, or export it again with: opset_version=18"
    )


def test_an_operator_that_has_no_code_yet(model: Model) -> None:
    said = (
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Swish(24) node with "
        "name '/act/Swish'"
    )
    assert too_new(said, replace(model, opset=24), "onnxruntime 1.22.0") == (
        "onnxruntime 1.22.0 has no Swish of opset 24 for the types in this file, whose opset is 24. "
        "Update onnxruntime, or export it again with: opset_version=18"
    )


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[ONNXRuntimeError] : 10 : INVALID_GRAPH : Node (a) has input size 1 not in range [min=2, max=2].",
        "[ONNXRuntimeError] : 1 : FAIL : Type Error: Type 'tensor(float)' of input of opset 18 is invalid.",
        # Of another opset than the file's.
        _UNDER_DEVELOPMENT.format(99, 26),
    ],
)
def test_other_messages_are_not_about_versions(model: Model, said: str) -> None:
    assert too_new(said, model, "onnxruntime 1.31.1") is None


@pytest.mark.parametrize("device", ["cpu", "auto"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [({"ir_version": 99}, r"IR version up to \d+.*found 99"), ({"opset": 99}, r"opset up to \d+.*found 99")],
)
def test_the_installed_one_says_so(model: Model, change: dict[str, Any], expected: str, device: str) -> None:
    with pytest.raises(InputRefused, match=rf"^tiny\.onnx: expected an {expected}"):
        open_session(replace(model, **change), "tiny.onnx", device)


def test_a_gpu_that_says_so_is_not_told_that_it_lacks_libraries(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(written: bytes) -> Any:
        error = RuntimeError(f"{_NEW}Unsupported model IR version: 99, max supported IR version: 13")
        raise session.NoCuda("ONNX Runtime says something.", expected=False) from error

    monkeypatch.setattr(session, "open_cuda", refuse)
    with pytest.raises(InputRefused, match="IR version up to 13"):
        open_session(replace(model, ir_version=99), "tiny.onnx", "cuda")
