"""What chooses the actions: a policy file, or any function from observations to actions, as an `Actor`.

Apart from `evaluation/` because recordings, pages and worker processes need it too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES, Actor
from lander_runtime.errors import UsageError
from lander_runtime.policy.base import PolicyFile

AnyPolicy = PolicyFile | Callable[[NDArray[Any]], NDArray[Any]]
"""A policy file, or a function from observations `[batch, *obs_shape]` to actions `[batch, ...]`."""


def actor_of(policy: AnyPolicy, *, sampled: bool = False) -> Actor:
    """An actor for `run_episodes`. With a policy file, no action depends on the number of lanes.

    Args:
        policy: what chooses the actions.
        sampled: draw actions from the file's distribution instead of taking the greedy one.

    Raises:
        UsageError: `sampled` with a plain function, or with a file that has no distribution.
    """
    if isinstance(policy, PolicyFile):
        if sampled and not policy.can_be_sampled:
            raise UsageError(
                f"{policy.path.name} gives actions but no distribution to draw from. Leave out --sampled."
            )
        return _RememberingActor(policy, sampled) if policy.remembers else _PolicyActor(policy, sampled)
    if sampled:
        raise UsageError("A plain function draws its own actions; 'sampled' is for policy files.")
    return lambda obs, generators: policy(obs)


class _PolicyActor:
    """Runs a policy at one fixed batch size; unused rows keep old observations, their actions are dropped.

    A matrix product may round differently at another batch size, and one bit in a logit can change an
    episode. With a fixed size, a row's result depends on that row alone.
    """

    def __init__(self, policy: PolicyFile, sampled: bool) -> None:
        self._policy = policy
        self._sampled = sampled
        space = policy.observation
        self._size = policy.batch_size or LANES
        self._batch = np.zeros((self._size, *space.shape), space.dtype)
        self._act = policy.bind(self._batch)

    def __call__(self, obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        if obs.shape[1:] != self._batch.shape[1:]:
            # Checked here, because NumPy would broadcast a smaller one.
            raise UsageError(
                f"Expected observations of shape {list(self._batch.shape[1:])}, found {list(obs.shape[1:])}."
            )
        parts = []
        for start in range(0, len(obs), self._size):
            rows = obs[start : start + self._size]
            self._batch[: len(rows)] = rows
            if self._sampled:
                parts.append(self._draw(generators[start : start + self._size]))
            else:
                parts.append(self._act()[: len(rows)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _draw(self, generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        """Draw one action for each row with the generator of its episode."""
        out = self._policy.outputs(self._batch)
        rows = [
            {name: values[row : row + 1] for name, values in out.items()} for row in range(len(generators))
        ]
        return np.concatenate([self._policy.draw(row, g) for row, g in zip(rows, generators, strict=True)])


class _RememberingActor:
    """Runs a policy that remembers, one lane after the other, each with the state of its own episode.

    An episode is known by its generator, of which each has its own. So no result depends on the lanes.
    """

    _MOST = 4096
    """Episodes whose state is kept; far more than an actor has at once."""

    def __init__(self, policy: PolicyFile, sampled: bool) -> None:
        self._policy = policy
        self._sampled = sampled
        # By identity. The generator is kept too, or another could get its identity.
        self._states: dict[int, tuple[np.random.Generator, Any]] = {}

    def __call__(self, obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        actions = []
        for row, generator in enumerate(generators):
            _, state = self._states.pop(id(generator), (generator, None))
            rng = generator if self._sampled else None
            action, state = self._policy.act_next(obs[row : row + 1], state, rng)
            self._states[id(generator)] = generator, state
            actions.append(action)
        while len(self._states) > self._MOST:
            # The first is the one whose last step is longest ago.
            del self._states[next(iter(self._states))]
        return np.concatenate(actions)
