"""A session does not read weights from another file, which an untrusted model could name.

`check_structure` refuses such models earlier; this is about the session's own option behind it.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from lander_runtime import InputRefused
from lander_runtime.policy import session

SECRET = np.arange(1, 10, dtype=np.float32).reshape(3, 3)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A product with a matrix from `secret.bin`, a file in the working directory."""
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    monkeypatch.chdir(tmp_path)
    matrix = TensorProto(name="matrix", data_type=TensorProto.FLOAT, dims=SECRET.shape)
    matrix.data_location = TensorProto.EXTERNAL
    matrix.external_data.add(key="location", value="secret.bin")
    graph = helper.make_graph(
        # Not Add or Mul: for them ONNX Runtime's optimiser fails in any case, and the test proves nothing.
        [helper.make_node("MatMul", ["obs", "matrix"], ["action"])],
        "reader",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, 3])],
        [matrix],
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_by_default_onnxruntime_reads_the_file(model: bytes) -> None:
    """Without this, the next test could pass for another reason."""
    default = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (action,) = default.run(None, {"obs": np.ones((1, 3), np.float32)})
    assert np.array_equal(action, [[12.0, 15.0, 18.0]])


def test_a_session_does_not_read_the_file(model: bytes) -> None:
    """Asked below `open_session`, which refuses such a model before any session is made."""
    with pytest.raises(InputRefused, match=r"reader\.onnx: ONNX Runtime cannot load it"):
        session._open_cpu(model, "reader.onnx")
