"""What a header is made of where a file of another library is the source, which says nothing of itself.

Apart from `material.py` because it needs Gymnasium.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.c_header.material import Material, Outputs
from lander_export.c_header.network import Network, Operation, Step, WithConstant
from lander_export.c_header.reading import GraphReader
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.analysis.pruning import with_outputs
from lander_runtime.foreign.feeding import by_row
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.session import open_session
from lander_runtime.spec import Space, filled_bounds


def foreign_material(policy: PolicyFile, model: Model, reader: GraphReader) -> Material:
    """Take a policy of another library apart; arguments and errors as of `material_of`."""
    if not isinstance(policy, ForeignPolicy):
        raise UsageError("A header is made of an ONNX file, and this policy is none.")
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
