"""A policy in double precision: what PyTorch and ONNX Runtime are compared with."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, PolicyGraph
from lander_export.layers import Exact, layers_of
from lander_export.multi_discrete import MultiDiscretePolicyGraph, blocks_of
from lander_runtime.policy.agreement import among_best, tolerance_for, usual_scale
from lander_runtime.spec import Space

_TOLERANCE = 2e-6
"""Largest difference of a network whose layers are known, where 1 is the scale.

Of 90 networks (tanh, ReLU, SiLU; up to three layers of 256; weights up to 3,000 times as large; with and
without a normaliser) PyTorch and ONNX Runtime were at most 2e-7 off. The least that two swapped weights,
another activation, a missing bias or a normaliser off by 0.001 changed was 4e-6."""

_IMAGE_TOLERANCE = 1e-5
"""The same for images, whose convolutions a GPU may compute in ways that round more. On the CPU networks that
play Doom were 4e-7 off."""

_ROWS = 256
"""Observations that are computed at once."""


@dataclass(frozen=True)
class ExactRun:
    """The outputs of a policy for some observations, by name and in the order of the file."""

    values: Mapping[str, NDArray[Any]]
    """Each `[M, ...]` in double precision; discrete actions are integers."""
    scale: Mapping[str, NDArray[np.float64]]
    """In the same shapes, at least 1: two runs in float32 may differ by the tolerance times this."""
    blocks: tuple[int, ...] = ()
    """Widths of the blocks of logits, a choice each; nothing for continuous actions."""

    def among_best(self, actions: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
        """The rows `[M]` in which every choice is the best, or closer to it than the error allowed."""
        columns = actions.reshape(len(actions), -1).T
        choices = zip(columns, self._choices(tolerance), strict=True)
        return np.all([among_best(column, *choice) for column, choice in choices], axis=0)

    def ties(self, tolerance: float) -> NDArray[np.bool_]:
        """The rows `[M]` with a choice whose best logits are closer than the error allowed on them."""
        found = np.zeros(len(self.values["logits"]), bool)
        for logits, allowed in self._choices(tolerance):
            every = [np.full(len(logits), choice) for choice in range(logits.shape[1])]
            found |= np.sum([among_best(choice, logits, allowed) for choice in every], axis=0) > 1
        return found

    def _choices(self, tolerance: float) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """The logits of each choice `[M, n]`, and the error allowed on each."""
        ends = np.cumsum(self.blocks)[:-1]
        logits, scale = (np.split(each["logits"], ends, axis=-1) for each in (self.values, self.scale))
        return [(block, tolerance * its_scale) for block, its_scale in zip(logits, scale, strict=True)]


def tolerance_of(graph: PolicyGraph, observation: Space) -> float:
    """Largest difference that two runs of `graph` may have, where 1 is the scale of `run_in_double`."""
    if layers_of(graph.actor, "actor", observation.shape) is None:
        return tolerance_for(observation)
    return _TOLERANCE if len(observation.shape) < 2 else _IMAGE_TOLERANCE


def run_in_double(graph: PolicyGraph, observations: NDArray[Any]) -> ExactRun:
    """Run `graph` on observations `[M, *obs_shape]`, which enter it as float32.

    The scale of an output is the largest of 1, its absolute value and the sum of the absolute products behind
    it (`layers.Exact`); of a network whose layers are not known, the larger of the first two.
    """
    with torch.inference_mode():
        starts = range(0, len(observations), _ROWS)
        actor = [_actor(graph, observations[start : start + _ROWS]) for start in starts]
        found = Exact(torch.cat([part.values for part in actor]), torch.cat([part.scale for part in actor]))
        discrete = isinstance(graph, DiscretePolicyGraph)
        outputs = _discrete(graph, found) if discrete else _continuous(graph, found)
    values = {name: exact.values.numpy() for name, exact in outputs.items()}
    scale = {
        name: np.maximum(usual_scale(values[name]), exact.scale.numpy()) for name, exact in outputs.items()
    }
    return ExactRun(values, scale, blocks_of(graph, values["logits"].shape[-1]) if discrete else ())


def _actor(graph: PolicyGraph, observations: NDArray[Any]) -> Exact:
    """What the actor alone gives."""
    obs = torch.from_numpy(observations).float()
    layers = layers_of(graph.actor, "actor", observations.shape[1:])
    if layers is None:
        values = copy.deepcopy(graph.actor).double()(obs.double())
        return Exact(values, torch.zeros_like(values))
    exact = Exact(obs.double(), torch.zeros_like(obs, dtype=torch.float64))
    for layer in layers:
        exact = layer.run(exact)
    return exact


def _discrete(graph: DiscretePolicyGraph, logits: Exact) -> dict[str, Exact]:
    blocks = logits.values.split(blocks_of(graph, logits.values.shape[-1]), dim=-1)
    best = torch.stack([block.argmax(dim=-1) for block in blocks], dim=-1)
    action = best if isinstance(graph, MultiDiscretePolicyGraph) else best[..., 0]
    return {"action": Exact(action, torch.ones_like(action)), "logits": logits}


def _continuous(graph: ContinuousPolicyGraph, found: Exact) -> dict[str, Exact]:
    shape = (-1, *graph.shape)
    mean = Exact(found.values.reshape(shape), found.scale.reshape(shape))
    log_std = graph.actor_log_std.double().reshape(graph.shape).expand_as(mean.values)
    return {
        "action": mean.through(lambda values: _clipped(graph, values)),
        "mean": mean,
        "log_std": Exact(log_std, log_std.abs()),
    }


def _clipped(graph: ContinuousPolicyGraph, values: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(values, graph.low.double()), graph.high.double())
