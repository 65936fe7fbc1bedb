"""Advantages and returns: pure functions of arrays.

All arrays are float32 `[T, N]`, T steps of N lanes, except where the docstring says otherwise.
Row t of lane n is one call of `step`:

    obs[t] --action[t]--> reward[t], terminated[t], truncated[t], obs[t + 1]

With next-step autoreset (`backends/base.py`), the call after an episode's end ignores its action and only
resets: a dummy row. There obs[t] is the last observation of the finished episode and obs[t + 1] the first
of the next. So obs[t + 1] is always what step t led to, also at a truncation, and V(obs[t + 1]) can be used
for bootstrapping as it is.
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

    No reward follows a terminated state, so its value is 0; after a truncation the critic's value stands for
    the rewards that were cut off.

    Args:
        rewards: `[T, N]`, 0 at dummy rows, as every backend promises.
        values: `[T + 1, N]`, the critic's value of obs[0] to obs[T].
        terminated: bool `[T, N]`.
        truncated: bool `[T, N]`, never True together with `terminated`.
        gamma: discount factor of one step, in [0, 1].
        gae_lambda: in [0, 1]; 0 gives the one-step error delta_t, 1 the discounted return minus the value.

    Returns:
        Advantages `[T, N]` and returns (advantage plus value, the critic's target) `[T, N]`. Their numbers
        at dummy rows have no meaning; `live_rows` says which rows to use.
    """
    dtype = rewards.dtype.type
    bootstrap = dtype(gamma) * ~terminated
    carry = dtype(gamma * gae_lambda) * ~(terminated | truncated)
    advantages = rewards + bootstrap * values[1:] - values[:-1]
    # Backwards, since A_t needs A_t+1; the last row, which has no successor, is its delta already.
    for step in range(len(rewards) - 2, -1, -1):
        advantages[step] += carry[step] * advantages[step + 1]
    return advantages, advantages + values[:-1]


def compute_returns(
    rewards: Array, values: Array, terminated: Array, truncated: Array, *, gamma: float
) -> tuple[Array, Array]:
    """Discounted returns, with a bootstrap value where the rollout's end or a time limit cuts an episode.

        R_t = r_t + gamma V(s_t+1)  where truncated,  r_t  where terminated,  r_t + gamma R_t+1  else

    Arguments and results are those of `compute_gae`; the advantage is the return minus the value. This is
    GAE with lambda 1: then the values inside an episode cancel.
    """
    return compute_gae(rewards, values, terminated, truncated, gamma=gamma, gae_lambda=1.0)


def live_rows(terminated: Array, truncated: Array, first: Array) -> Array:
    """Which rows are real steps, bool `[T, N]`; False at the dummy row after an episode's end.

    Args:
        terminated: bool `[T, N]`.
        truncated: bool `[T, N]`.
        first: bool `[N]`, whether row 0 is a dummy: the previous rollout ended with an episode's end.
    """
    done = terminated | truncated
    return ~np.concatenate([first[None], done[:-1]])


def explained_variance(values: Array, returns: Array) -> float:
    """1 - Var(returns - values) / Var(returns), for `[B]` each; NaN if all returns are equal.

    1 is a perfect critic, 0 is no better than always predicting the mean return.
    """
    variance = returns.var()
    return float("nan") if variance == 0 else float(1.0 - (returns - values).var() / variance)


def normalize(advantages: Array) -> Array:
    """`advantages` `[..., B]`, shifted and scaled to mean 0 and standard deviation 1 along the last axis."""
    # Over n and not n - 1, so that a minibatch of one row gives 0 and not NaN.
    centred = advantages - advantages.mean(axis=-1, keepdims=True)
    return centred / (np.sqrt(np.square(centred).mean(axis=-1, keepdims=True)) + 1e-8)
