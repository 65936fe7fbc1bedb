"""Score a policy over N episodes of Gymnasium's own environment.

Episode i is `env.reset(seed=first_seed + i)`, so anyone can repeat any episode. The result does not
depend on how many lanes there are, because every episode has its own seed and generator and
inference always runs at one padded batch size.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.episodes import LANES, Actor, EpisodeObserver, run_episodes
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.policy import Policy
from lander_runtime.report import Report
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.statistics import summarise

FIRST_SEED = 1_000_000
"""Scoring starts here; training and selection use only seeds below."""


def evaluate(
    policy: Policy | Callable[[NDArray[Any]], NDArray[Any]],
    env: EnvSpec | str | None = None,
    *,
    episodes: int = 10,
    first_seed: int = FIRST_SEED,
    sampled: bool = False,
    lanes: int = LANES,
    render_mode: str | None = None,
    observer: EpisodeObserver | None = None,
) -> Report:
    """Run `episodes` episodes and report.

    Args:
        policy: a `Policy`, or any function from a batch of observations to a batch of actions.
        env: the environment, or its id; by default the one that the policy file names.
        episodes: how many, at least 1.
        first_seed: seed of episode 0; episode i has `first_seed + i`.
        sampled: draw actions from the policy's distribution instead of taking the greedy one.
        lanes: environment copies stepped together; changes the speed, never the result.
        render_mode: `human` opens a window (with one lane); None draws nothing.
        observer: hears of every finished episode.

    Raises:
        MachineLacks: no window can be opened.
        UsageError: `episodes`, `first_seed` or `lanes` out of range, no environment or one that
            Gymnasium does not know, or `sampled` with a policy that is a plain function.
    """
    if episodes < 1 or lanes < 1 or first_seed < 0:
        raise UsageError("episodes and lanes must be at least 1 and the first seed at least 0.")
    if env is None:
        if not isinstance(policy, Policy):
            raise UsageError("Name the environment: a plain function does not say what it flies.")
        env = policy.info.env
    spec = envs.recipe_of(env)
    if isinstance(policy, Policy):
        _check_fit(policy, spec)
    if render_mode == "human":
        _check_screen(spec)
    started = time.perf_counter()
    finished = run_episodes(
        actor_of(policy, sampled=sampled),
        spec,
        range(first_seed, first_seed + episodes),
        lanes=1 if render_mode == "human" else lanes,
        render_mode=render_mode,
        observer=observer,
    )
    elapsed = time.perf_counter() - started
    summary = summarise(
        np.array([episode.return_ for episode in finished]),
        np.array([episode.length for episode in finished]),
        first_seed=first_seed,
        deterministic=not sampled,
        reward_threshold=spec.reward_threshold,
    )
    return Report.of(policy if isinstance(policy, Policy) else None, spec, summary, finished, elapsed)


def actor_of(policy: Policy | Callable[[NDArray[Any]], NDArray[Any]], *, sampled: bool = False) -> Actor:
    """An actor for `run_episodes` that gives every episode the same actions whatever the lanes."""
    if isinstance(policy, Policy):
        return _PolicyActor(policy, sampled)
    if sampled:
        raise UsageError("A plain function draws its own actions; 'sampled' is for policy files.")
    return lambda obs, generators: policy(obs)


def _check_fit(policy: Policy, spec: EnvSpec) -> None:
    probe = envs.make(spec)
    found = envs.describe_spaces(probe)
    probe.close()
    for what, wanted, there in zip(
        ("observations", "actions"), (policy.info.observation, policy.info.action), found, strict=True
    ):
        if wanted.form != there.form:
            raise UsageError(
                f"{policy.path.name} expects {what} {_in_words(wanted)}; {spec.id} has {_in_words(there)}."
            )


def _check_screen(spec: EnvSpec) -> None:
    """Open and close the window once, so that a missing screen is told from a fault in an episode."""
    probe = envs.make(spec, "human")
    try:
        probe.reset(seed=0)
    except Exception as error:  # pygame's, which is not imported here.
        raise MachineLacks(
            f"No window can be opened for {spec.id} ({error}). Leave out --render, or record with --gif."
        ) from error
    finally:
        probe.close()


def _in_words(space: Space) -> str:
    return f"{space.type}({space.n})" if space.type == "Discrete" else f"{space.dtype} {list(space.shape)}"


class _PolicyActor:
    """Runs a policy at one fixed batch size; rows that are not in use hold what was there before.

    A matrix product may round differently at another batch size, and one bit in a logit can turn
    an episode. With a fixed size a row's result depends on that row alone.
    """

    def __init__(self, policy: Policy, sampled: bool) -> None:
        self._policy = policy
        self._sampled = sampled
        space = policy.info.observation
        self._batch = np.zeros((LANES, *space.shape), space.dtype)

    def __call__(self, obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        if obs.shape[1:] != self._batch.shape[1:]:
            # NumPy would stretch a smaller one to fit.
            raise UsageError(
                f"Expected observations of shape {list(self._batch.shape[1:])}, found {list(obs.shape[1:])}."
            )
        parts = []
        for start in range(0, len(obs), LANES):
            rows = obs[start : start + LANES]
            self._batch[: len(rows)] = rows
            if self._sampled:
                parts.append(self._draw(generators[start : start + LANES]))
            else:
                parts.append(self._policy.act(self._batch)[: len(rows)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _draw(self, generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        """One draw a row, each with its episode's own generator."""
        out = self._policy.outputs(self._batch)
        rows = [
            {name: values[row : row + 1] for name, values in out.items()} for row in range(len(generators))
        ]
        return np.concatenate([self._policy.draw(row, g) for row, g in zip(rows, generators, strict=True)])
