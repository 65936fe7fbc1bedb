"""How far PyTorch's own rounding moves a policy of Stable-Baselines3, for zip_parity.py to compare with.

The same network gives slightly other numbers where PyTorch adds up in another order: for one observation,
for the same one within a batch, or with the hidden units in another order; and in double precision.
`variants` runs a policy in each of these ways, and `spread` compares their actions on the same observations.
"""

import copy
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from tanh_rounding import in_double

BATCHES = (2, 8, 64)
ORDERS = 20
"""Orders of the hidden units that are tried: enough for the largest of the differences to settle."""


class InBatches:
    """A model that sees every observation as the first of a batch of equal ones."""

    def __init__(self, model: BaseAlgorithm, size: int) -> None:
        self.model, self.size = model, size

    def predict(self, observation: Any, state: Any = None, **options: Any) -> tuple[Any, Any]:
        """As `BaseAlgorithm.predict`."""
        actions, _ = self.model.predict(np.repeat(observation, self.size, axis=0), **_greedy(options))
        return actions[:1], state


class InDouble:
    """A model with its network in double precision; observations and actions stay float32."""

    def __init__(self, model: BaseAlgorithm) -> None:
        self.policy = _copied_policy(model).double()
        self.space: Any = model.action_space

    def predict(self, observation: Any, state: Any = None, **options: Any) -> tuple[Any, Any]:
        """As `BasePolicy.predict`."""
        # SB3 makes float32 of every observation before its network.
        whole = patch("stable_baselines3.common.policies.preprocess_obs", lambda obs, *_, **__: obs)
        with torch.no_grad(), whole:
            raw = self.policy._predict(torch.from_numpy(np.asarray(observation)).double(), deterministic=True)
        actions = raw.numpy().reshape((-1, *self.space.shape))
        low, high = (bound.astype(np.float64) for bound in (self.space.low, self.space.high))
        if self.policy.squash_output:
            actions = low + 0.5 * (actions + 1.0) * (high - low)
        return np.clip(actions, low, high).astype(np.float32), state


class Reordered:
    """A model with the units of each hidden layer in a random order: the same function of observations."""

    def __init__(self, model: BaseAlgorithm, seed: int) -> None:
        self.policy = _copied_policy(model)
        generator = torch.Generator().manual_seed(seed)
        layers = _actor_layers(self.policy)
        with torch.no_grad():
            for layer, following in pairwise(layers):
                order = torch.randperm(layer.out_features, generator=generator)
                layer.weight.copy_(layer.weight[order])
                layer.bias.copy_(layer.bias[order])
                following.weight.copy_(following.weight[:, order])

    def predict(self, observation: Any, state: Any = None, **options: Any) -> tuple[Any, Any]:
        """As `BaseAlgorithm.predict`."""
        return self.policy.predict(observation, **_greedy(options))[0], state


class InOnnx:
    """The file that `lander export` wrote; with `exact`, each of its tanh in double precision."""

    def __init__(self, path: Path, *, exact: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = onnx.load(path)
        content = (in_double(model) if exact else model).SerializeToString()
        self.session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])

    def predict(self, observation: Any, state: Any = None, **options: Any) -> tuple[Any, Any]:
        """Greedy actions."""
        return self.session.run(["action"], {"obs": np.asarray(observation, np.float32)})[0], state


def variants(model: BaseAlgorithm) -> dict[str, Any]:
    """The model in other ways of computing the same, by name."""
    batches = {f"batch of {size}": InBatches(model, size) for size in BATCHES}
    orders = {f"order {seed}": Reordered(model, seed) for seed in range(ORDERS)}
    return {**batches, **orders, "double": InDouble(model)}


def spread(
    model: BaseAlgorithm, exported: Path, observations: NDArray[np.float32], raw: NDArray[np.float32]
) -> Mapping[str, float]:
    """The largest difference from `predict` of one observation, in last bits of an action at the bound.

    Args:
        model: as trained.
        exported: the file that `lander export` wrote.
        observations: what the network sees, `[n, k]`: normalised where there is a VecNormalize.
        raw: the same as the environment gives them, which the exported file normalises itself.

    Returns:
        It for every variant and for `lander`, also with its tanh in double precision; and how far both are
        from double precision.
    """
    one = _one_by_one(model, observations)
    bit = float(np.spacing(np.float32(np.abs(model.action_space.high).max())))  # type: ignore[attr-defined]
    found = {name: _one_by_one(other, observations) for name, other in variants(model).items()}
    found["lander"] = _one_by_one(InOnnx(exported), raw)
    found["lander, tanh in double"] = _one_by_one(InOnnx(exported, exact=True), raw)
    largest = {name: float(np.abs(actions - one).max()) / bit for name, actions in found.items()}
    for name in ("lander", "lander, tanh in double"):
        largest[f"{name} from double"] = float(np.abs(found[name] - found["double"]).max()) / bit
    return largest


def _one_by_one(model: Any, observations: NDArray[np.float32]) -> NDArray[np.float64]:
    actions = [model.predict(obs[None], deterministic=True)[0] for obs in observations]
    return np.concatenate(actions).astype(np.float64)


def _copied_policy(model: BaseAlgorithm) -> Any:
    policy: Any = model.policy
    if getattr(model, "use_sde", False):
        # The noise of gSDE hangs on the graph of the last update, and such tensors cannot be copied.
        with torch.no_grad():
            getattr(policy, "actor", policy).reset_noise()
    return copy.deepcopy(policy)


def _actor_layers(policy: Any) -> list[torch.nn.Linear]:
    """The linear layers from observation to action, the first one first."""
    if not hasattr(policy, "actor"):
        modules = [policy.mlp_extractor.policy_net, policy.action_net]
    elif hasattr(policy.actor, "latent_pi"):
        modules = [policy.actor.latent_pi, policy.actor.mu]
    else:
        modules = [policy.actor.mu]
    return [layer for module in modules for layer in module.modules() if isinstance(layer, torch.nn.Linear)]


def _greedy(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"deterministic": options.get("deterministic", True)}
