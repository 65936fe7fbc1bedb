"""Advantages and returns: pure functions of arrays.

All arrays are float32 `[T, N]`, T steps of N lanes, except where the docstring says otherwise.
Row t of lane n is one call of `step`:

    obs[t] --action[t]--> reward[t], terminated[t], truncated[t], obs[t + 1]

With next-step autoreset the call after an episode's end ignores its action and only resets: a
dummy row. There obs[t] is the finished episode's last observation and obs[t + 1] the next one's
first. So obs[t + 1] always is what step t led to, also across a truncation, and its value
bootstraps without a second look at the environment.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def compute_gae(
    rewards: Array,
    values: Array,
    terminated: Array,
    truncated: Array,
    *,
    gamma: float,
    gae_lambda: float,
) -> tuple[Array, Array]:
    """Generalized advantage estimation (Schulman et al. 2016, eq. 16).

        delta_t = r_t + gamma V(s_t+1) (1 - terminated_t) - V(s_t)
        A_t     = delta_t + gamma lambda (1 - done_t) A_t+1        done = terminated or truncated

    A terminated state is worth nothing afterwards; a truncated one is worth what the critic says.

    Args:
        rewards: `[T, N]`, 0 at dummy rows, as every backend promises.
        values: `[T + 1, N]`, the critic's value of obs[0] to obs[T].
        terminated: bool `[T, N]`.
        truncated: bool `[T, N]`.
        gamma: discount a step.
        gae_lambda: 0 gives the one-step error, 1 the whole return minus the value.

    Returns:
        Advantages `[T, N]` and returns (advantage plus value, the critic's target) `[T, N]`. What
        stands at a dummy row has no meaning and must not be used.
    """
    dtype = rewards.dtype.type
    bootstrap = dtype(gamma) * ~terminated
    carry = dtype(gamma * gae_lambda) * ~(terminated | truncated)
    advantages = rewards + bootstrap * values[1:] - values[:-1]
    for step in range(len(rewards) - 2, -1, -1):
        advantages[step] += carry[step] * advantages[step + 1]
    return advantages, advantages + values[:-1]


def compute_returns(
    rewards: Array, values: Array, terminated: Array, truncated: Array, *, gamma: float
) -> tuple[Array, Array]:
    """Plain discounted returns, bootstrapped where the rollout or a time limit cuts an episode.

        R_t = r_t + gamma V(s_t+1)  where truncated,  r_t  where terminated,  r_t + gamma R_t+1  else

    Arguments and results as in `compute_gae`; the advantage is the return minus the value. This is
    GAE at lambda 1, in which all values between the ends cancel.
    """
    return compute_gae(rewards, values, terminated, truncated, gamma=gamma, gae_lambda=1.0)


def live_rows(terminated: Array, truncated: Array, first: Array) -> Array:
    """Which rows are real steps and not the dummy row after an episode's end; bool `[T, N]`.

    Args:
        terminated: bool `[T, N]`.
        truncated: bool `[T, N]`.
        first: bool `[N]`, whether row 0 is a dummy: the last step of the rollout before was an end.
    """
    done = terminated | truncated
    return ~np.concatenate([first[None], done[:-1]])


def explained_variance(values: Array, returns: Array) -> float:
    """1 - Var(returns - values) / Var(returns) over `[B]`: 1 is perfect, 0 no better than the mean."""
    variance = returns.var()
    return float("nan") if variance == 0 else float(1.0 - (returns - values).var() / variance)


def normalize(advantages: Array) -> Array:
    """Shift and scale `[..., B]` to mean 0 and deviation 1 along the last axis; one row only shifts."""
    centred = advantages - advantages.mean(axis=-1, keepdims=True)
    return centred / (np.sqrt(np.square(centred).mean(axis=-1, keepdims=True)) + 1e-8)
