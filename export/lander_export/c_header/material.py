"""What a header is made of: the network of a policy file, and what its author says of it.

Apart from `reading.py`, which knows graphs only: here is which values of a graph are the observation, the
numbers behind the action, and the action.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.c_header.network import Dense, Floats, Network, Step
from lander_export.c_header.reading import GraphReader
from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.policy.policy import Policy

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
        UsageError: it is a policy of another class.
    """
    reader = GraphReader(model.graph, policy.path.name)
    if isinstance(policy, Policy):
        found = _ours(policy, model, reader)
    else:
        # Imported here, because a file of another library needs its environment and so Gymnasium.
        from lander_export.c_header.foreign import foreign_material

        found = foreign_material(policy, model, reader)
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
