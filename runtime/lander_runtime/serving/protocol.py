"""The Open Inference Protocol, version 2: a request becomes observations, outputs become an answer.

Functions of bytes and arrays, without a socket. JSON, and the binary tensor extension, in which the numbers
follow the JSON as raw bytes. Sources: the kserve project's open-inference-protocol (specification/protocol)
and Triton's extension_binary_data.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import UsageError
from lander_runtime.policy.casting import cast_observation
from lander_runtime.policy.contract import output_names
from lander_runtime.policy.policy import Policy
from lander_runtime.text import quoted

BINARY = "binary_tensor_data"
"""The extension's name, as servers announce it."""

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header that says how many bytes of a body are JSON; raw numbers follow."""

_JSON_BYTES_A_NUMBER = 32
"""A float64 takes up to 24 characters, with sign, comma and space."""

_JSON_BYTES_BESIDE = 16_384
"""For names, shapes and parameters."""

_LONGEST_ID = 200

_DATATYPES = {
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{name: name.upper() for name in ("uint8", "int8", "int16", "int32", "int64")},
}


def example_request(policy: Policy) -> dict[str, Any]:
    """A body that asks `policy` for its action where all that it observes is zero."""
    shape = policy.observation.shape
    observation = {
        "name": "obs",
        "datatype": _DATATYPES[policy.observation.dtype],
        "shape": [1, *shape],
        "data": [0] * math.prod(shape),
    }
    return {"inputs": [observation], "outputs": [{"name": "action"}]}


@dataclass(frozen=True)
class Signature:
    """What a policy takes and returns, in the protocol's words."""

    name: str
    """In the addresses: `/v2/models/NAME`."""
    obs_shape: tuple[int, ...]
    obs_dtype: np.dtype[Any]
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]
    """For each output its datatype and its shape without the batch."""
    max_batch: int
    """Observations in one request."""

    @classmethod
    def of(cls, name: str, policy: Policy, max_batch: int) -> "Signature":
        """The signature of `policy`; it runs once, to see the shapes of its outputs."""
        observation = policy.observation
        found = policy.outputs(np.zeros((1, *observation.shape), observation.dtype))
        return cls(
            name,
            tuple(observation.shape),
            np.dtype(observation.dtype),
            {n: (_DATATYPES[found[n].dtype.name], found[n].shape[1:]) for n in output_names(policy.info)},
            max_batch,
        )

    @property
    def longest_body(self) -> int:
        """Bytes of the longest request that can be right."""
        return self.max_batch * math.prod(self.obs_shape) * _JSON_BYTES_A_NUMBER + _JSON_BYTES_BESIDE

    def metadata(self) -> dict[str, Any]:
        """The answer to `GET /v2/models/NAME`."""
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [_tensor("obs", _DATATYPES[self.obs_dtype.name], self.obs_shape)],
            "outputs": [_tensor(name, kind, shape) for name, (kind, shape) in self.outputs.items()],
        }


@dataclass(frozen=True)
class InferenceRequest:
    """A request that was read and fits the policy."""

    id: str | None
    obs: NDArray[Any]
    """`[batch, *obs_shape]`, in the policy's dtype, finite."""
    outputs: tuple[tuple[str, bool], ...]
    """Names of the wanted outputs, each with whether it is wanted as raw bytes."""


def read_request(body: bytes, json_length: str | None, signature: Signature) -> InferenceRequest:
    """Read an inference request.

    Args:
        body: the JSON, and the raw numbers behind it if there are any.
        json_length: the value of the header `JSON_LENGTH`; None without it.
        signature: of the policy that is asked.

    Raises:
        UsageError: the request is malformed or does not fit. One sentence, safe to send back.
    """
    length = _header_length(json_length, len(body))
    data = _object(body[:length])
    inputs = _list(data, "inputs")
    if len(inputs) != 1 or not isinstance(inputs[0], dict) or inputs[0].get("name") != "obs":
        raise UsageError("Expected exactly one input, named 'obs'.")
    obs = _observations(inputs[0], body[length:], signature)
    return InferenceRequest(_id(data), obs, _wanted(data, signature))


def write_answer(
    request: InferenceRequest, outputs: Mapping[str, NDArray[Any]], signature: Signature
) -> tuple[bytes, int | None]:
    """The body of the answer, and how many of its bytes are JSON; None if all are.

    Args:
        request: what was asked.
        outputs: of the policy, `[batch, ...]` each.
        signature: of the policy.

    Raises:
        ValueError: an output holds a NaN or an infinity, which JSON cannot carry.
    """
    described, raw = [], []
    for name, binary in request.outputs:
        values = np.ascontiguousarray(outputs[name])
        tensor = {"name": name, "datatype": signature.outputs[name][0], "shape": list(values.shape)}
        if binary:
            raw.append(values.tobytes())
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = values.ravel().tolist()
        described.append(tensor)
    answer: dict[str, Any] = {"model_name": signature.name, "model_version": "1"}
    if request.id is not None:
        answer["id"] = request.id
    text = json.dumps({**answer, "outputs": described}, allow_nan=False).encode()
    return (b"".join((text, *raw)), len(text)) if raw else (text, None)


def _observations(given: dict[str, Any], raw: bytes, signature: Signature) -> NDArray[Any]:
    shape, kind = given.get("shape"), _DATATYPES[signature.obs_dtype.name]
    expected = f"[n, {', '.join(map(str, signature.obs_shape))}]" if signature.obs_shape else "[n]"
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise UsageError(f"The input 'obs' needs a shape, {expected}.")
    if tuple(shape[1:]) != signature.obs_shape or not shape or not 1 <= shape[0] <= signature.max_batch:
        found = quoted(str(shape))
        raise UsageError(
            f"Expected 'obs' of shape {expected} with n from 1 to {signature.max_batch}, found {found}."
        )
    if given.get("datatype") != kind:
        raise UsageError(f"Expected 'obs' of datatype {kind}, found {quoted(str(given.get('datatype')))}.")
    size = _parameters(given).get("binary_data_size")
    if size is None:
        return _from_json(given.get("data"), tuple(shape), signature)
    wanted = math.prod(shape) * signature.obs_dtype.itemsize
    if size != wanted or len(raw) != wanted:
        raise UsageError(
            f"Expected {wanted} bytes of raw numbers, found binary_data_size {quoted(str(size))} "
            f"and {len(raw)} bytes behind the JSON."
        )
    # Little-endian by the extension, as every machine that ONNX Runtime is built for.
    values = np.frombuffer(raw, signature.obs_dtype.newbyteorder("<")).reshape(shape)
    return cast_observation(_finite(values), signature.obs_dtype, signature.obs_shape)


def _from_json(data: object, shape: tuple[int, ...], signature: Signature) -> NDArray[Any]:
    """Numbers in rows or, as the protocol allows, in one flat list."""
    if not isinstance(data, list):
        raise UsageError("The input 'obs' needs 'data', a list of numbers.")
    try:
        values = np.asarray(data)
    except ValueError as error:
        raise UsageError("The data of 'obs' are lists that differ in length.") from error
    if values.dtype.kind not in "iuf" or values.shape not in (shape, (math.prod(shape),)):
        raise UsageError(
            f"Expected {math.prod(shape)} numbers in the data of 'obs', in rows or one flat list."
        )
    return cast_observation(_finite(values.reshape(shape)), signature.obs_dtype, signature.obs_shape)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UsageError("The data of 'obs' hold a NaN or an infinity; every number must be finite.")
    return values


def _wanted(data: dict[str, Any], signature: Signature) -> tuple[tuple[str, bool], ...]:
    binary = _parameters(data).get("binary_data_output") is True
    if not data.get("outputs"):
        return tuple((name, binary) for name in signature.outputs)
    wanted = []
    for output in _list(data, "outputs"):
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or name not in signature.outputs:
            raise UsageError(
                f"Unknown output {quoted(str(name))}. There are: {', '.join(signature.outputs)}."
            )
        if name in [other for other, _ in wanted]:
            raise UsageError(f"The output {quoted(name)} is asked for twice.")
        wanted.append((name, _parameters(output).get("binary_data", binary) is True))
    return tuple(wanted)


def _header_length(json_length: str | None, body: int) -> int:
    if json_length is None:
        return body
    if not (json_length.isascii() and json_length.isdigit() and int(json_length[:12]) <= body):
        raise UsageError(f"{JSON_LENGTH} should be the bytes of JSON in the body, at most {body}.")
    return int(json_length[:12])


def _object(text: bytes) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("The body is no JSON. Expected an object with 'inputs'.") from error
    if not isinstance(data, dict):
        raise UsageError("Expected a JSON object with 'inputs'.")
    return data


def _list(data: dict[str, Any], name: str) -> Sequence[Any]:
    found = data.get(name)
    if not isinstance(found, list):
        raise UsageError(f"The field {name!r} should be a list.")
    return found


def _parameters(data: dict[str, Any]) -> dict[str, Any]:
    found = data.get("parameters", {})
    if not isinstance(found, dict):
        raise UsageError("The field 'parameters' should be an object.")
    return found


def _id(data: dict[str, Any]) -> str | None:
    found = data.get("id")
    if found is not None and not (isinstance(found, str) and len(found) <= _LONGEST_ID):
        raise UsageError(f"The field 'id' should be text of at most {_LONGEST_ID} characters.")
    return found


def _tensor(name: str, datatype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1, *shape]}
