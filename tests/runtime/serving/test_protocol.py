"""Requests and answers of the Open Inference Protocol, as bytes."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lander_runtime import Policy, UsageError
from lander_runtime.serving.protocol import InferenceRequest, Signature, read_request, write_answer

DATA = Path(__file__).parents[2] / "data"

ROW = [0.5, -1.25, 0.0, 3.0, 1e-3, -2.0, 1.0, 0.0]


def body(**changes: Any) -> bytes:
    """A right request of one observation, with fields of its input changed; None leaves one out."""
    tensor = {"name": "obs", "datatype": "FP32", "shape": [1, 8], "data": ROW, **changes}
    return json.dumps({"inputs": [{k: v for k, v in tensor.items() if v is not None}]}).encode()


def test_an_observation_in_one_flat_list(signature: Signature) -> None:
    request = read_request(body(), None, signature)

    assert request.obs.dtype == np.float32
    assert request.obs.tolist() == [np.float32(ROW).tolist()]
    assert request.outputs == (("action", False), ("logits", False))
    assert request.id is None


def test_rows_mean_the_same_as_a_flat_list(signature: Signature) -> None:
    flat = read_request(body(shape=[2, 8], data=ROW + ROW), None, signature)
    rows = read_request(body(shape=[2, 8], data=[ROW, ROW]), None, signature)

    assert rows.obs.tolist() == flat.obs.tolist()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=8, max_size=8))
def test_raw_numbers_arrive_bit_for_bit(signature: Signature, row: list[float]) -> None:
    values = np.array([row], "<f4")
    head = body(data=None, parameters={"binary_data_size": 32})

    request = read_request(head + values.tobytes(), str(len(head)), signature)

    assert request.obs.tobytes() == values.tobytes()


def test_an_answer_as_numbers_comes_back_bit_for_bit(policy: Policy, signature: Signature) -> None:
    request = read_request(body(), None, signature)
    outputs = policy.outputs(request.obs)

    content, json_bytes = write_answer(request, outputs, signature)

    answer = json.loads(content)
    assert json_bytes is None
    assert answer["model_name"] == "tiny"
    action, logits = answer["outputs"]
    assert action == {
        "name": "action",
        "datatype": "INT64",
        "shape": [1],
        "data": [policy.act(np.float32(ROW))],
    }
    assert logits["shape"] == [1, 4]
    assert np.float32(logits["data"]).tobytes() == outputs["logits"].tobytes()


def test_an_answer_in_raw_numbers_has_them_behind_the_json(policy: Policy, signature: Signature) -> None:
    data = json.loads(body())
    data["outputs"] = [
        {"name": "logits", "parameters": {"binary_data": True}},
        {"name": "action"},
    ]
    request = read_request(json.dumps({**data, "id": "7"}).encode(), None, signature)
    outputs = policy.outputs(request.obs)

    content, json_bytes = write_answer(request, outputs, signature)

    assert json_bytes is not None
    answer = json.loads(content[:json_bytes])
    assert answer["id"] == "7"
    assert [output["name"] for output in answer["outputs"]] == ["logits", "action"]
    assert answer["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert answer["outputs"][1]["data"] == outputs["action"].tolist()
    assert content[json_bytes:] == outputs["logits"].tobytes()


def test_raw_numbers_for_all_outputs(policy: Policy, signature: Signature) -> None:
    data = {**json.loads(body()), "parameters": {"binary_data_output": True}}

    request = read_request(json.dumps(data).encode(), None, signature)

    assert request.outputs == (("action", True), ("logits", True))


def test_an_output_that_is_not_finite_is_no_json(signature: Signature) -> None:
    request = InferenceRequest(None, np.zeros((1, 8), np.float32), (("logits", False),))

    with pytest.raises(ValueError, match="JSON"):
        write_answer(request, {"logits": np.full((1, 4), np.inf, np.float32)}, signature)


def test_integers_of_images(signature: Signature) -> None:
    images = Signature("pixels", (2, 2), np.dtype(np.uint8), signature.outputs, 4)
    tensor = {"name": "obs", "datatype": "UINT8", "shape": [1, 2, 2], "data": [0, 255, 7, 1]}

    request = read_request(json.dumps({"inputs": [tensor]}).encode(), None, images)

    assert request.obs.tolist() == [[[0, 255], [7, 1]]]
    tensor["data"] = [0, 256, 7, 1]
    with pytest.raises(UsageError, match=r"holds 256 at index \[0, 0, 1\]; uint8 cannot hold it"):
        read_request(json.dumps({"inputs": [tensor]}).encode(), None, images)


def test_the_longest_right_request_is_allowed(signature: Signature) -> None:
    row = [-1.2345678901234567e-300] * 8

    assert len(body(shape=[64, 8], data=row * 64)) < signature.longest_body


def test_what_a_model_takes_and_returns(signature: Signature) -> None:
    assert signature.metadata() == {
        "name": "tiny",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "obs", "datatype": "FP32", "shape": [-1, 8]}],
        "outputs": [
            {"name": "action", "datatype": "INT64", "shape": [-1]},
            {"name": "logits", "datatype": "FP32", "shape": [-1, 4]},
        ],
    }


def test_a_gaussian_policy() -> None:
    continuous = Policy.load(DATA / "tiny-continuous.onnx", "cpu")

    outputs = Signature.of("tiny", continuous, 1).outputs

    assert outputs == dict.fromkeys(("action", "mean", "log_std"), ("FP32", (2,)))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The body is no JSON"),
        (b"\xff\xfe", "The body is no JSON"),
        (b"[" * 100_000, "The body is no JSON"),
        (b'{"inputs": ' + b"1" * 5000 + b"}", "The body is no JSON"),
        (b"[]", "Expected a JSON object"),
        (b"{}", "The field 'inputs' should be a list"),
        (b'{"inputs": []}', "Expected exactly one input, named 'obs'"),
        (b'{"inputs": [1]}', "Expected exactly one input, named 'obs'"),
        (body(name="state"), "Expected exactly one input, named 'obs'"),
        (body(datatype="FP64"), "Expected 'obs' of datatype FP32, found 'FP64'"),
        (body(datatype=None), "Expected 'obs' of datatype FP32, found 'None'"),
        (body(shape=None), r"needs a shape, \[n, 8\]"),
        (body(shape=[True, 8]), r"needs a shape, \[n, 8\]"),
        (body(shape=[8]), r"from 1 to 64, found '\[8\]'"),
        (body(shape=[]), r"from 1 to 64, found '\[\]'"),
        (body(shape=[0, 8], data=[]), r"from 1 to 64, found '\[0, 8\]'"),
        (body(shape=[65, 8]), r"from 1 to 64, found '\[65, 8\]'"),
        (body(shape=[2**63, 8]), "from 1 to 64"),
        (body(shape=[1] * 5000), "from 1 to 64"),
        (body(data=None), "needs 'data', a list of numbers"),
        (body(data=ROW[:7]), "Expected 8 numbers"),
        (body(data=[[1], [2, 3]]), "lists that differ in length"),
        (body(data=["1"] * 8), "Expected 8 numbers"),
        (body(data=[True] * 8), "Expected 8 numbers"),
        (body(data=[10**400] * 8), "Expected 8 numbers"),
        (body(data=[math.nan] * 8), "must be finite"),
        (body(data=[math.inf] * 8), "must be finite"),
        (body(data=[1e300] * 8), "float32 cannot hold it"),
        (body(parameters=[]), "'parameters' should be an object"),
        (body(data=None, parameters={"binary_data_size": 32}), "Expected 32 bytes of raw numbers"),
        (body(data=None, parameters={"binary_data_size": "x" * 5000}), "Expected 32 bytes of raw numbers"),
    ],
)
def test_a_malformed_request(signature: Signature, content: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        read_request(content, None, signature)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("outputs", ["action", [1], [{"name": "value"}], [{"name": "action"}] * 2])
def test_outputs_that_cannot_be_had(signature: Signature, outputs: object) -> None:
    with pytest.raises(UsageError, match="output"):
        read_request(json.dumps({**json.loads(body()), "outputs": outputs}).encode(), None, signature)


@pytest.mark.parametrize("length", ["", "-1", "1e3", "9" * 5000, "٣", "999999"])
def test_a_wrong_length_of_the_json(signature: Signature, length: str) -> None:
    with pytest.raises(UsageError, match="Inference-Header-Content-Length should be"):
        read_request(body(), length, signature)


@pytest.mark.parametrize("number", [7, "x" * 201])
def test_a_wrong_id(signature: Signature, number: object) -> None:
    with pytest.raises(UsageError, match="'id' should be text"):
        read_request(json.dumps({**json.loads(body()), "id": number}).encode(), None, signature)


def test_raw_numbers_that_are_not_finite(signature: Signature) -> None:
    head = body(data=None, parameters={"binary_data_size": 32})

    with pytest.raises(UsageError, match="must be finite"):
        read_request(head + np.full(8, np.nan, "<f4").tobytes(), str(len(head)), signature)
