"""What a header is made of: the network of a policy file, and what its author says of it.

Apart from `reading.py`, which knows graphs only: here is which values of a graph are the observation, the
numbers behind the action, and the action.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.c_header.network import Dense, Floats, Network, Operation, Step, WithConstant
from lander_export.c_header.reading import GraphReader
from lander_runtime.errors import InputRefused
from lander_runtime.foreign.analysis.pruning import with_outputs
from lander_runtime.foreign.feeding import by_row
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.policy.policy import Policy
from lander_runtime.policy.session import open_session
from lander_runtime.spec import Space, filled_bounds

MOST_NUMBERS = 1_000_000
"""Weights of a network that still compiles in seconds."""

Outputs = Callable[[NDArray[Any]], NDArray[Any]]
"""Observations `[M, *obs_shape]` -> what ONNX Runtime gives for them, `[M, n]`."""


@dataclass(frozen=True)
class Material:
    """A policy whose network is known step by step."""

    policy: PolicyFile
    network: Network
    """From an observation to the logits, or to the mean of continuous actions."""
    ending: tuple[Step, ...]
    """From the mean to the action; nothing where actions are discrete."""
    log_std: Floats | None
    """Logarithm of the deviation around the mean; None where there is none, or where it is no constant."""
    outputs: Outputs
    """The same as `network`, by ONNX Runtime."""
    weights_sha256: str
    info: PolicyInfo | None
    """What the file says about itself; None for a file of another library."""


def material_of(policy: PolicyFile, model: Model) -> Material:
    """Take a policy apart.

    Args:
        policy: it has been opened, so its graph runs and fits its spaces.
        model: what was read of its file.

    Raises:
        InputRefused: it is not a multilayer perceptron, or too large.
    """
    reader = GraphReader(model.graph, policy.path.name)
    made = _foreign if isinstance(policy, ForeignPolicy) else _ours
    found = made(policy, model, reader)
    if found.network.numbers > MOST_NUMBERS:
        raise InputRefused(
            f"{policy.path.name}: expected a network of at most {MOST_NUMBERS:,} weights, found "
            f"{found.network.numbers:,}. Run the ONNX file itself with ONNX Runtime (docs/embedding.md)."
        )
    return found


def _ours(policy: Policy, model: Model, reader: GraphReader) -> Material:
    inputs = int(np.prod(policy.observation.shape))
    scores = "mean" if policy.action.type == "Box" else "logits"
    network = Network(inputs, tuple(reader.steps("obs", scores, inputs)))
    continuous = policy.action.type == "Box"
    ending = reader.steps("mean", "action", network.outputs) if continuous else []
    if any(isinstance(step, Dense) for step in ending):
        raise InputRefused(f"{policy.path.name}: its action is no mean within bounds. Export it again.")
    return Material(
        policy,
        network,
        tuple(ending),
        reader.constant_bias("log_std") if continuous else None,
        lambda observations: policy.outputs(observations)[scores].reshape(len(observations), -1),
        weights_digest(model),
        policy.info,
    )


def _foreign(policy: ForeignPolicy, model: Model, reader: GraphReader) -> Material:
    entry, output = policy.feeding.entry, policy.output
    if policy.remembers:
        raise InputRefused(
            f"{policy.path.name}: no multilayer perceptron that C can be written for: it has a memory. "
            "Run the ONNX file itself with ONNX Runtime (docs/embedding.md)."
        )
    inputs = int(np.prod(policy.observation.shape))
    continuous = policy.action.type == "Box"
    # One of the two is there, or the file would not have been opened.
    end = str(output.action) if continuous else reader.scores_behind(str(output.scores or output.action))
    network = Network(inputs, tuple(reader.steps(entry.name, end, inputs)))
    return Material(
        policy,
        network,
        (*_scaled(policy), *_bounds(policy.action)) if continuous else (),
        None,
        _row_by_row(policy, model, end),
        weights_digest(model),
        None,
    )


def _scaled(policy: ForeignPolicy) -> list[Step]:
    """From the range that the user named to the bounds of the environment."""
    if policy.scaling is None:
        return []
    low, high = (bound.ravel() for bound in filled_bounds(policy.action))
    scaling = policy.scaling
    parts: list[tuple[Operation, NDArray[Any]]] = [
        ("subtract", np.array([scaling.low])),
        ("multiply", (high - low) / (scaling.high - scaling.low)),
        ("add", low),
    ]
    return [WithConstant(operation, values.astype(np.float32)) for operation, values in parts]


def _bounds(action: Space) -> list[Step]:
    """Clip to the bounds of the environment, where there are any, as a foreign policy's actions are."""
    # C has no literal for infinity; a finite number is never outside the largest one.
    largest = np.finfo(np.float32).max
    bounds = [np.clip(bound, -largest, largest).astype(np.float32).ravel() for bound in filled_bounds(action)]
    operations: list[Operation] = ["at_least", "at_most"]
    return [
        WithConstant(operation, bound)
        for operation, bound in zip(operations, bounds, strict=True)
        if (np.abs(bound) < largest).any()
    ]


def _row_by_row(policy: ForeignPolicy, model: Model, name: str) -> Outputs:
    """A value from inside a graph, which may take one batch size only."""
    session = open_session(with_outputs(model, [name]), policy.path.name, "cpu")
    size = policy.batch_size or 1

    def run(observations: NDArray[Any]) -> NDArray[Any]:
        rows = []
        for row in observations:
            [value] = session.run([name], policy.feeding.first(np.repeat(row[None], size, axis=0)))
            found = by_row(value, size, policy.feeding.entry)
            assert found is not None, "its outputs have had a row for each observation"
            rows.append(found[0].ravel())
        return np.stack(rows)

    return run
