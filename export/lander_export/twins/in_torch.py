"""A policy's network in PyTorch, made of the steps that were read of its file."""

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lander_export.c_header.material import Material
from lander_export.c_header.network import Activation, Dense, Step, WithConstant

Act = Callable[[NDArray[Any]], NDArray[Any]]
"""Observations `[batch, *obs_shape]` -> greedy actions `[batch, ...]`."""


def torch_twin(material: Material) -> Act:
    """The policy in PyTorch, on the CPU."""
    steps = [_function(step) for step in (*material.network.steps, *material.ending)]
    space = material.policy.action

    def act(observations: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            x = torch.from_numpy(observations).flatten(1).float()
            for step in steps:
                x = step(x)
            if space.type == "Box":
                return x.reshape(-1, *space.shape).numpy()
            best = [block.argmax(dim=1) for block in x.split(list(space.blocks), dim=1)]
            return (torch.stack(best, dim=1) if space.nvec else best[0]).numpy()

    return act


def _function(step: Step) -> Callable[[Tensor], Tensor]:
    if isinstance(step, Dense):
        weight, bias = torch.tensor(step.weight).T.contiguous(), torch.tensor(step.bias)
        return lambda x: functional.linear(x, weight, bias)
    if isinstance(step, WithConstant):
        operation, constant = _OPERATIONS[step.operation], torch.tensor(step.values)
        return lambda x: operation(x, constant)
    assert isinstance(step, Activation)
    return _activation(step)


def _activation(step: Activation) -> Callable[[Tensor], Tensor]:
    match step.kind:
        case "leaky_relu":
            return lambda x: functional.leaky_relu(x, step.alpha)
        case "elu":
            return lambda x: functional.elu(x, step.alpha)
        case "silu":
            return functional.silu
        case "tanh" | "relu" | "sigmoid":
            return getattr(torch, step.kind)


_OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "at_least": torch.maximum,
    "at_most": torch.minimum,
}
