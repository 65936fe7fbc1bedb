"""All parameters of a network in one vector, so that Adam, the gradient's norm and checks are one call each.

The network keeps working: its parameters become views of the vector, in the order of `parameters()`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lander_runtime.errors import InputRefused
from lander_trainer.learners.layout import ParameterLayout


@dataclass(frozen=True)
class FlatParameters:
    """A network's parameters and their gradients, as two float32 vectors `[P]`."""

    layout: ParameterLayout
    values: Tensor
    gradients: Tensor

    @classmethod
    def of(cls, network: nn.Module) -> "FlatParameters":
        """Move the parameters of `network` into one vector, and their `grad` into another, as views."""
        named = dict(network.named_parameters())
        values = torch.cat([parameter.detach().reshape(-1) for parameter in named.values()])
        layout = ParameterLayout(tuple(named), tuple(tuple(p.shape) for p in named.values()))
        flat = cls(layout, values, torch.zeros_like(values))
        for parameter, value, gradient in zip(
            named.values(), layout.split(values), layout.split(flat.gradients), strict=True
        ):
            parameter.data = value
            parameter.grad = gradient
        return flat

    def adam_state(self, steps: float, exp_avg: Tensor, exp_avg_sq: Tensor) -> dict[str, Tensor]:
        """Adam's state as a checkpoint stores it: copies on the CPU, parameter by parameter."""
        state: dict[str, Tensor] = {}
        for index, (mean, square) in enumerate(
            zip(self.layout.split(exp_avg), self.layout.split(exp_avg_sq), strict=True)
        ):
            state[f"optimizer.{index}.step"] = torch.tensor(float(steps))
            state[f"optimizer.{index}.exp_avg"] = mean.detach().cpu().clone()
            state[f"optimizer.{index}.exp_avg_sq"] = square.detach().cpu().clone()
        return state

    def read_adam_state(self, state: dict[str, Tensor]) -> tuple[int, Tensor, Tensor]:
        """Steps, first and second moments `[P]`, from the result of `adam_state`.

        Raises:
            InputRefused: the state does not fit these parameters.
        """
        shapes = self.layout.shapes
        wanted: dict[str, tuple[int, ...]] = {f"optimizer.{i}.step": () for i in range(len(shapes))}
        for index, shape in enumerate(shapes):
            wanted |= {f"optimizer.{index}.{name}": shape for name in ("exp_avg", "exp_avg_sq")}
        found = {name: tuple(state[name].shape) for name in state if name.startswith("optimizer.")}
        if found != wanted:
            raise InputRefused("The optimiser's state does not fit the network that it is stored with.")
        steps = float(state["optimizer.0.step"])
        if not (steps >= 0 and steps.is_integer()):
            raise InputRefused(f"The optimiser's state claims {steps} steps; expected a whole number.")
        mean, square = (
            torch.cat([state[f"optimizer.{i}.{name}"].float().reshape(-1) for i in range(len(shapes))])
            for name in ("exp_avg", "exp_avg_sq")
        )
        if not (torch.isfinite(mean).all() and torch.isfinite(square).all() and (square >= 0).all()):
            raise InputRefused("The optimiser's state holds numbers that no training gives.")
        return int(steps), mean, square
