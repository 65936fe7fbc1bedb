"""`config.pbtxt`, read by Triton's own message and compared with the model beside it."""

import errno
from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import lander_rl
from lander_export.triton import write_config
from lander_runtime import Policy
from lander_runtime.shipped import shipped_policies

DATA = Path(__file__).parents[1] / "data"
POLICIES = [DATA / "tiny-discrete.onnx", DATA / "tiny-continuous.onnx", *shipped_policies().values()]

TYPES = {"TYPE_FP32": "FLOAT", "TYPE_INT64": "INT64", "TYPE_UINT8": "UINT8"}


def signature(values) -> dict[str, tuple[str, list[int]]]:
    """Names of a graph's inputs or outputs with their types and shapes; the batch must be free."""
    found = {}
    for value in values:
        batch, *shape = value.type.tensor_type.shape.dim
        assert batch.dim_param
        kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        found[value.name] = (kind, [size.dim_value for size in shape])
    return found


def described(tensors) -> dict[str, tuple[str, list[int]]]:
    """The same of a configuration; `reshape` is what the model itself is given."""
    return {
        one.name: (
            TYPES[model_config_pb2.DataType.Name(one.data_type)],
            list(one.reshape.shape if one.HasField("reshape") else one.dims),
        )
        for one in tensors
    }


def test_a_full_disk_leaves_the_model_and_its_config_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lander_rl.export_triton(DATA / "tiny-discrete.onnx", tmp_path, name="one")
    before = made.model.read_bytes(), made.config.read_bytes()

    def fails(*given: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lander_export.triton.write_config", fails)
    with pytest.raises(OSError, match="No space left"):
        lander_rl.export_triton(DATA / "tiny-continuous.onnx", tmp_path, name="one")
    assert (made.model.read_bytes(), made.config.read_bytes()) == before
    assert sorted(path.name for path in made.model.parent.iterdir()) == ["model.onnx"]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.parent.name + "/" + path.stem)
def test_names_types_and_shapes_are_those_of_the_file(path: Path) -> None:
    graph = onnx.load(path).graph
    text = write_config(Policy.load(path, "cpu").info, "lander", 256)

    config = text_format.Parse(text, model_config_pb2.ModelConfig())

    assert (config.name, config.backend, config.max_batch_size) == ("lander", "onnxruntime", 256)
    assert described(config.input) == signature(graph.input)
    assert described(config.output) == signature(graph.output)
    (warmup,) = config.model_warmup
    assert list(warmup.inputs["obs"].dims) == list(config.input[0].dims)
    assert warmup.inputs["obs"].data_type == config.input[0].data_type
    assert config.parameters["intra_op_thread_count"].string_value == "1"
