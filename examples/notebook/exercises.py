# %% [markdown]
# # Five exercises on PPO
#
# For a class, or for yourself after `lander.ipynb`. Each exercise is a function with one or a few lines
# missing. Replace `...`, run the cell, and the check tells you whether it is right. Some need what the
# exercises before taught, but none needs their code.
#
# The answers are at the end, folded. For teachers: the checks compare with the code that trains, so they
# hold for any right answer, however it is written.

# %% hidden
# In a checkout of the project the package is taken from there, else pip looks for it in its package index.
# The cell for the processor's kernels in `lander.ipynb` is for trainings; nothing is trained here.
import importlib.util
import subprocess
import sys
from pathlib import Path

folders = [Path.cwd(), *Path.cwd().parents]
checkout = next((folder for folder in folders if (folder / "simulator/lander_simulator").is_dir()), None)
pip_install = [sys.executable, "-m", "pip", "install", "-q"]
if checkout:
    # The versions that are tested.
    pip_install += ["-c", f"{checkout}/constraints.txt"]

if importlib.util.find_spec("lander_rl") is None:
    source = ["-e", f"{checkout}[train,eval,cpu]"] if checkout else ["lander-rl[train,eval,cpu]"]
    subprocess.run([*pip_install, *source], check=True)
    importlib.invalidate_caches()

# %% hidden
# The checks. An exercise that is not done yet returns `...`, or nothing where its `return` was forgotten.
import math

import numpy as np
import torch

import lander_rl
from lander_trainer.ppo.advantages import compute_gae
from lander_trainer.ppo.losses import clipped_surrogate


def is_to_do(found):
    return found is ... or found is None


def compare(exercise, function, cases):
    """Say whether `function` returns what is expected for every (arguments, expected) of `cases`."""
    for arguments, expected in cases:
        found = function(*arguments)
        if is_to_do(found):
            print(f"Exercise {exercise}: to do. Replace the dots.")
            return
        shape = np.shape(expected)
        if np.shape(found) != shape or not np.allclose(found, expected, rtol=1e-4, atol=1e-5):
            print(f"Exercise {exercise}: not yet. For {arguments} it returns {found}; {expected} is right.")
            return
    print(f"Exercise {exercise}: right!")


def check_ratio(ratio):
    cases = [
        ((math.log(new), math.log(old)), new / old) for new, old in ((0.5, 0.25), (0.1, 0.4), (0.3, 0.3))
    ]
    compare(1, ratio, cases)


def check_clipped(clipped):
    grid = [(r, a, e) for r in (0.5, 0.9, 1.0, 1.1, 1.7) for a in (2.0, -2.0) for e in (0.1, 0.2)]
    cases = [
        ((r, a, e), -clipped_surrogate(torch.tensor([r]), torch.tensor([a]), e).item()) for r, a, e in grid
    ]
    compare(2, clipped, cases)


def check_advantages(advantages):
    rewards, values = [1.0, 0.0, -1.0, 2.0], [0.5, 1.0, 0.0, -0.5, 3.0]
    ends = ([False] * 4, [False, False, False, True], [False, True, False, False])
    cases = []
    for terminated, gae_lambda in ((end, value) for end in ends for value in (0.0, 0.9, 1.0)):
        columns = [np.array(column, np.float32)[:, None] for column in (rewards, values)]
        ended = np.array(terminated)[:, None]
        expected, _ = compute_gae(*columns, ended, np.zeros_like(ended), gamma=0.9, gae_lambda=gae_lambda)
        cases.append(((rewards, values, terminated, 0.9, gae_lambda), expected[:, 0].tolist()))
    compare(3, advantages, cases)


def check_pilot(pilot):
    if is_to_do(pilot(np.zeros((1, 8), np.float32))):
        print("Exercise 4: to do. Replace the dots.")
        return
    summary = lander_rl.evaluate(pilot, "LunarLander-v3", episodes=20).summary
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcome_counts.items())
    verdict = "right!" if summary.mean_return > 0 else "not yet: more than 0 is wanted."
    print(f"Exercise 4: {verdict} A mean return of {summary.mean_return:.0f} ({outcomes}).")


def check_episodes(episodes):
    cases = [
        ((std, gap), 2 * (1.96 * std / gap) ** 2) for std, gap in ((20.0, 5.0), (20.0, 2.5), (100.0, 10.0))
    ]
    found = [episodes(*arguments) for arguments, _ in cases]
    if not any(map(is_to_do, found)):
        # Rounded up or not is no matter here.
        cases = [
            (arguments, value if abs(value - expected) <= 1 else expected)
            for value, (arguments, expected) in zip(found, cases, strict=True)
        ]
    compare(5, episodes, cases)


# %% [markdown]
# ## 1. The ratio
#
# A network gives the *logarithm* of each probability, because sums of logarithms are safer than products of
# small numbers. From the logarithm of an action's probability now and the one when it was taken, return the
# ratio of the two probabilities.


# %%
def ratio(log_prob, old_log_prob):
    return ...


check_ratio(ratio)

# %% [markdown]
# ## 2. The clipped surrogate
#
# Return PPO's objective for one action:
#
# $$\min\bigl(r A,\ \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon)\, A\bigr)$$
#
# Then think: for which ratios is its slope zero, where $A$ is positive, and where $A$ is negative?


# %%
def clipped(ratio, advantage, epsilon):
    return ...


check_clipped(clipped)

# %% [markdown]
# ## 3. Advantages
#
# The critic says that state $t$ is worth $V_t$. One step later you know more: the reward $r_t$ and the
# value of the next state. The difference is
#
# $$\delta_t = r_t + \gamma V_{t+1} - V_t.$$
#
# After a *terminated* episode nothing follows, so $V_{t+1}$ counts as 0 there. GAE adds up the differences
# of the steps that follow, each weighted less:
#
# $$A_t = \delta_t + \gamma \lambda A_{t+1},$$
#
# and an episode's end stops the sum. `values` has one entry more than `rewards`: the state after the last
# step. Return a list with one advantage a step. Hint: go backwards.


# %%
def advantages(rewards, values, terminated, gamma, gae_lambda):
    return ...


check_advantages(advantages)

# %% [markdown]
# ## 4. Fly by hand
#
# Write a pilot without learning. It gets observations of several landers at once, an array `[batch, 8]`,
# and returns an array of actions `[batch]`:
#
# | column | | action | |
# |---|---|---|---|
# | 0, 1 | position: x to the right of the pad, y above it | 0 | coast |
# | 2, 3 | velocity along x and y | 1 | left engine, which turns the lander to the left |
# | 4, 5 | angle, positive to the left, and its velocity | 2 | main engine, upwards |
# | 6, 7 | 1 where a leg touches the ground | 3 | right engine |
#
# Random actions return about -170. A mean return above 0 is wanted; 250 can be had with five lines. Hint:
# choose an angle to lean to and a speed to fall at. `np.select` chooses by conditions.


# %%
def pilot(obs):
    return ...


check_pilot(pilot)

# %% [markdown]
# ## 5. How many episodes?
#
# Two policies return about the same, each with standard deviation `std` from episode to episode. You score
# both over n episodes. The standard error of the difference of the two means is
#
# $$\mathrm{std}\,\sqrt{2 / n}.$$
#
# A difference is shown where it is at least 1.96 standard errors. Return the n from which a difference of
# `gap` is shown.


# %%
def episodes(std, gap):
    return ...


check_episodes(episodes)

# %% [markdown]
# A good lander has a standard deviation of 20. To show that one is better by 2 points takes 769 episodes
# each! `lander_rl.compare` needs fewer: both policies run the *same* episodes, and what is hard for one is
# often hard for the other.
#
# ## Answers

# %% hidden
# @title 1. The ratio


def ratio_answer(log_prob, old_log_prob):
    return math.exp(log_prob - old_log_prob)


check_ratio(ratio_answer)

# %% hidden
# @title 2. The clipped surrogate
# Flat above 1 + epsilon for a positive advantage, and below 1 - epsilon for a negative one.


def clipped_answer(ratio, advantage, epsilon):
    near = min(max(ratio, 1 - epsilon), 1 + epsilon)
    return min(ratio * advantage, near * advantage)


check_clipped(clipped_answer)

# %% hidden
# @title 3. Advantages


def advantages_answer(rewards, values, terminated, gamma, gae_lambda):
    found, following = [], 0.0
    for t in reversed(range(len(rewards))):
        goes_on = 0.0 if terminated[t] else 1.0
        difference = rewards[t] + gamma * values[t + 1] * goes_on - values[t]
        following = difference + gamma * gae_lambda * goes_on * following
        found.append(following)
    return found[::-1]


check_advantages(advantages_answer)

# %% hidden
# @title 4. Fly by hand


def pilot_answer(obs):
    x, y, x_speed, y_speed, angle, turning, left, right = obs.T
    falls_too_fast = y_speed < -0.1 - 0.3 * y  # The lower, the slower.
    stands = left + right > 0
    lean = np.clip(0.5 * x + x_speed, -0.4, 0.4)  # To the left where it is, or drifts, to the right.
    turn = lean - angle - 2 * turning
    return np.select([falls_too_fast, stands, turn > 0.1, turn < -0.1], [2, 0, 1, 3], default=0)


check_pilot(pilot_answer)

# %% hidden
# @title 5. How many episodes?


def episodes_answer(std, gap):
    return math.ceil(2 * (1.96 * std / gap) ** 2)


check_episodes(episodes_answer)
