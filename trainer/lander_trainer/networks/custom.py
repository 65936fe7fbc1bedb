"""Networks of the user's own: what they must compute, and which ones a person has given in this process.

    obs float32 [B, *obs_shape]  ->  outputs float32 [B, p], values float32 [B] or [B, 1]

`outputs` are logits for Discrete (p choices) and MultiDiscrete (all blocks side by side), and means for Box;
the log standard deviations of a Gaussian are a parameter of the trainer. Images come with the values 0 to
255, in the environment's own layout.

A network is code, so no file can bring it: a run stores its name, and whatever opens the run has to be given
the network again.
"""

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lander_runtime.errors import UsageError
from lander_runtime.text import first_line, quoted
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.ppo.distributions import Distribution, Gaussian

Network = nn.Module | Callable[[], nn.Module]
"""A module, whose weights are those to start from, or a class or function that makes one."""

_GIVEN: dict[str, Callable[[], Any]] = {}
"""By name. Of the whole process, as the modules that a person has imported are."""


def give_network(network: Any) -> str:
    """Take a network of the user's own, and return its name: its class, and a digest of its layers.

    Raises:
        UsageError: it is neither a module nor something that makes one without arguments, or it raises.
    """
    make: Any = (lambda: copy.deepcopy(network)) if isinstance(network, nn.Module) else network
    with torch.random.fork_rng(devices=[]):
        try:
            made: Any = make() if callable(make) else None
        except Exception as error:  # The user's own code may raise anything.
            raise UsageError(
                "network should be made without arguments. Making it raised "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error
    if not isinstance(made, nn.Module):
        raise UsageError(
            "network should be a torch.nn.Module, or a class or function that makes one without arguments; "
            f"found {type(made if callable(network) else network).__name__}."
        )
    kind = type(made)
    layers = hashlib.sha256(repr(made).encode()).hexdigest()
    name = f"{kind.__module__}:{kind.__qualname__}#{layers[:8]}"
    _GIVEN[name] = make
    return name


def custom_network(name: str, shape: tuple[int, ...], distribution: Distribution) -> "CustomActorCritic":
    """The network that was given under `name`, for observations of `shape`.

    Raises:
        UsageError: none was given under that name, or it does not compute what it must.
    """
    if name not in _GIVEN:
        class_name = name.partition("#")[0]
        raise UsageError(
            f"The run has a network of its user's own, {quoted(name)}, and code is never taken from a file. "
            f"Name it: --network {class_name if class_name.isprintable() else 'MODULE:NAME'}"
        )
    network = CustomActorCritic(_GIVEN[name](), distribution)
    network.check(shape)
    return network


class CustomActorCritic(ActorCritic):
    """An actor-critic around a module of the user's own, which stays in evaluation mode."""

    def __init__(self, module: nn.Module, distribution: Distribution) -> None:
        nn.Module.__init__(self)
        self.distribution = distribution
        self.encoder = None
        continuous = isinstance(distribution, Gaussian)
        self.actor_log_std = nn.Parameter(torch.zeros(distribution.size)) if continuous else None
        # No dropout and no statistics of a batch: what acted must be what learns, and what is exported.
        self.module = module.eval()

    @property
    def is_shared(self) -> bool:
        return True

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        outputs, values = self.module(obs.float())
        return self._with_log_std(outputs), values.reshape(len(obs))

    def outputs(self, obs: Tensor) -> Tensor:
        return self.forward(obs)[0]

    def values(self, obs: Tensor) -> Tensor:
        return self.forward(obs)[1]

    def policy(self) -> nn.Module:
        return _Actor(self.module)

    def check(self, shape: tuple[int, ...]) -> None:
        """Compute two observations of zeros.

        Raises:
            UsageError: the module fails, or gives something else than outputs and values.
        """
        size = self.distribution.size
        wanted = f"outputs [2, {size}] and values [2] or [2, 1] for observations {[2, *shape]}, all float32"
        try:
            with torch.inference_mode():
                found: Any = self.module(torch.zeros((2, *shape)))
        except Exception as error:  # The user's own code may raise anything.
            raised = f"{type(error).__name__}: {first_line(error, 200)}"
            raise UsageError(f"The network should give {wanted}. It raised {raised}") from error
        tensors = found if isinstance(found, tuple) and len(found) == 2 else ()
        forms = [(tuple(one.shape), one.dtype) for one in tensors if isinstance(one, Tensor)]
        if forms[:1] != [((2, size), torch.float32)] or forms[1:] not in (
            [((2,), torch.float32)],
            [((2, 1), torch.float32)],
        ):
            kinds = [f"{list(form)} {dtype}" for form, dtype in forms] or [type(found).__name__]
            raise UsageError(f"The network should give {wanted}. It gave {', '.join(kinds)}.")

    def _with_log_std(self, outputs: Tensor) -> Tensor:
        if self.actor_log_std is None:
            return outputs
        return torch.cat([outputs, self.actor_log_std.expand_as(outputs)], dim=-1)


class _Actor(nn.Module):
    """The outputs alone, for the exporter."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, obs: Tensor) -> Tensor:
        return self.module(obs)[0]
