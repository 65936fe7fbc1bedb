"""Checks that a loaded graph fits its metadata: names, types and shapes of inputs and outputs.

Apart from `policy.py` because checking a file takes more code than using it.
"""

from typing import Any

import numpy as np

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.bounds.bounding import BATCH
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.policy.session import OpenSession
from lander_runtime.text import shortened

_TENSOR_TYPES = {
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "float16": "tensor(float16)",
    **{name: f"tensor({name})" for name in ("uint8", "int8", "int16", "int32", "int64")},
}

Signature = dict[str, tuple[str, tuple[int, ...]]]
"""For each name its ONNX type and its shape without the batch."""


def check_graph(opened: OpenSession, info: PolicyInfo, name: str) -> None:
    """Compare inputs and outputs with `info`, as declared and in trial runs at two batch sizes.

    Raises:
        InputRefused: they differ; the message has what was expected and what was found.
    """
    observation, action = info.observation, info.action
    if observation.type != "Box":
        raise InputRefused(f"{name}: expected Box observations, found {observation.type}.")
    wanted_action = "float32" if action.type == "Box" else "int64"
    if action.dtype != wanted_action or (action.type == "Discrete" and action.shape != ()):
        raise InputRefused(
            f"{name}: expected {action.type} actions of {wanted_action}, "
            f"found {action.dtype} {list(action.shape)}."
        )
    inputs: Signature = {"obs": (_TENSOR_TYPES[observation.dtype], observation.shape)}
    outputs = output_signature(info)
    found = (opened.session.get_inputs(), opened.session.get_outputs())
    described = [[(item.name, item.type, item.shape) for item in items] for items in found]
    _compare(described[0], inputs, f"{name}: input")
    _compare(described[1], outputs, f"{name}: output")
    if set(info.golden.outputs) != set(outputs):
        raise InputRefused(
            f"{name}: expected golden outputs {list(outputs)}, "
            f"found {shortened(str(list(info.golden.outputs)))}."
        )
    if len(info.golden.observations) > BATCH:
        raise InputRefused(
            f"{name}: expected at most {BATCH} golden observations, found {len(info.golden.observations)}."
        )
    # A symbolic batch proves nothing: a graph may still have one size built in.
    for batch in (1, 3):
        _try(opened, np.zeros((batch, *observation.shape), observation.dtype), outputs, name)


def output_names(info: PolicyInfo) -> list[str]:
    """The outputs that the schema requires, in order."""
    return list(output_signature(info))


def output_signature(info: PolicyInfo) -> Signature:
    """The outputs that the schema requires, with their types and shapes."""
    action = info.action
    if action.type == "Discrete":
        return {"action": ("tensor(int64)", ()), "logits": ("tensor(float)", (action.n or 0,))}
    if action.type == "MultiDiscrete":
        return {"action": ("tensor(int64)", action.shape), "logits": ("tensor(float)", (sum(action.nvec),))}
    return dict.fromkeys(("action", "mean", "log_std"), ("tensor(float)", action.shape))


def _compare(found: list[tuple[str, str, list[Any]]], expected: Signature, where: str) -> None:
    if [item for item, _, _ in found] != list(expected):
        names = [item for item, _, _ in found]
        raise InputRefused(f"{where}: expected {list(expected)}, found {shortened(str(names))}.")
    for item, found_kind, dimensions in found:
        kind, shape = expected[item]
        batch_is_free = bool(dimensions) and not isinstance(dimensions[0], int)
        if found_kind != kind or tuple(dimensions[1:]) != shape or not batch_is_free:
            raise InputRefused(
                f"{where} {item!r}: expected {kind} of shape ['batch', {', '.join(map(str, shape))}], "
                f"found {found_kind} {shortened(str(dimensions))}."
            )


def _try(opened: OpenSession, obs: np.ndarray[Any, Any], outputs: Signature, name: str) -> None:
    results = opened.run(list(outputs), {"obs": obs})
    for (output, (_, shape)), result in zip(outputs.items(), results, strict=True):
        if result.shape != (len(obs), *shape):
            raise InputRefused(
                f"{name}: for a batch of {len(obs)}, {output!r} should have the shape {[len(obs), *shape]}, "
                f"found {list(result.shape)}."
            )
