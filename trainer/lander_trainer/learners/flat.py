"""All parameters of a network as one vector, so that Adam, the gradient's norm and checks are one call each.

The network keeps working: its parameters become views of the vector, in the order of `parameters()`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lander_runtime.errors import InputRefused


@dataclass(frozen=True)
class FlatParameters:
    """A network's parameters and their gradients as two float32 vectors `[P]`."""

    names: tuple[str, ...]
    """As in the network's state dict, such as `actor.0.weight`."""
    shapes: tuple[torch.Size, ...]
    values: Tensor
    gradients: Tensor

    @classmethod
    def of(cls, network: nn.Module) -> "FlatParameters":
        """Move the parameters of `network` into one vector and make `grad` of each a view of another."""
        named = dict(network.named_parameters())
        values = torch.cat([parameter.detach().reshape(-1) for parameter in named.values()])
        flat = cls(tuple(named), tuple(p.shape for p in named.values()), values, torch.zeros_like(values))
        for parameter, value, gradient in zip(
            named.values(), flat.split(values), flat.split(flat.gradients), strict=True
        ):
            parameter.data = value
            parameter.grad = gradient
        return flat

    def split(self, vector: Tensor) -> tuple[Tensor, ...]:
        """Views of `vector` `[P]` in the shapes of the parameters."""
        parts = vector.split([shape.numel() for shape in self.shapes])
        return tuple(part.view(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def adam_state(self, steps: float, exp_avg: Tensor, exp_avg_sq: Tensor) -> dict[str, Tensor]:
        """Adam's state as a checkpoint stores it: copies on the CPU, parameter by parameter."""
        state: dict[str, Tensor] = {}
        for index, (mean, square) in enumerate(zip(self.split(exp_avg), self.split(exp_avg_sq), strict=True)):
            state[f"optimizer.{index}.step"] = torch.tensor(float(steps))
            state[f"optimizer.{index}.exp_avg"] = mean.detach().cpu().clone()
            state[f"optimizer.{index}.exp_avg_sq"] = square.detach().cpu().clone()
        return state

    def read_adam_state(self, state: dict[str, Tensor]) -> tuple[int, Tensor, Tensor]:
        """Steps, first and second moments `[P]` from what `adam_state` gave.

        Raises:
            InputRefused: the state does not fit these parameters.
        """
        wanted = {f"optimizer.{i}.step": torch.Size() for i in range(len(self.shapes))}
        for index, shape in enumerate(self.shapes):
            wanted |= {f"optimizer.{index}.{name}": shape for name in ("exp_avg", "exp_avg_sq")}
        found = {name: state[name].shape for name in state if name.startswith("optimizer.")}
        if found != wanted:
            raise InputRefused("The optimiser's state does not fit the network that it is stored with.")
        steps = float(state["optimizer.0.step"])
        if not (steps >= 0 and steps.is_integer()):
            raise InputRefused(f"The optimiser's state claims {steps} steps; expected a whole number.")
        mean, square = (
            torch.cat([state[f"optimizer.{i}.{name}"].float().reshape(-1) for i in range(len(self.shapes))])
            for name in ("exp_avg", "exp_avg_sq")
        )
        return int(steps), mean, square

    def broken(self, gradients: Tensor) -> str:
        """In words, where in `gradients` `[P]` a NaN or an infinity is."""
        parts = zip(self.names, self.split(gradients), strict=True)
        broken = [name for name, part in parts if not torch.isfinite(part).all()]
        return f"gradient of {', '.join(broken)}" if broken else "norm of the gradient"
