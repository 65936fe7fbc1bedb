"""Distributions over actions: samples, densities, and the actions that an environment gets."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lander_runtime.spec import Space
from lander_trainer.ppo.distributions import Categorical, Gaussian, distribution_of
from lander_trainer.ppo.losses import categorical, gaussian

LOG_TWO_PI = math.log(2 * math.pi)


def box(shape: tuple[int, ...] = (2,), low: Any = -1.0, high: Any = 1.0) -> Space:
    return Space("Box", shape, "float32", low=low, high=high)


def outputs(mean: list[float], log_std: list[float]) -> NDArray[np.float32]:
    return np.array([mean + log_std], np.float32)


@pytest.mark.parametrize(
    ("mean", "deviations", "action", "expected"),
    [
        ([0.0], [1.0], [0.0], -0.5 * LOG_TWO_PI),
        # Two deviations off: -2^2 / 2.
        ([1.0], [0.5], [2.0], -2.0 - 0.5 * LOG_TWO_PI + math.log(2)),
        # One deviation off in each of two: -1/2 - 1/2 - log 2.
        ([1.0, -1.0], [1.0, 2.0], [2.0, 1.0], -1.0 - LOG_TWO_PI - math.log(2)),
    ],
)
def test_log_density_by_hand_on_both_sides(
    mean: list[float], deviations: list[float], action: list[float], expected: float
) -> None:
    row = outputs(mean, [math.log(d) for d in deviations])
    actions = np.array([action], np.float32)
    found = Gaussian(box((len(mean),))).log_probs(row, actions)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([expected])
    assert gaussian(torch.from_numpy(row), torch.from_numpy(actions))[0].tolist() == pytest.approx([expected])


def test_entropy_by_hand() -> None:
    # 1/2 log(2 pi e) each, and log 2 for the wider one.
    row = torch.from_numpy(outputs([3.0, -5.0], [0.0, math.log(2)]))
    _, entropy = gaussian(row, torch.zeros(1, 2))
    assert entropy.tolist() == pytest.approx([1.0 + LOG_TWO_PI + math.log(2)])


def test_numpy_and_pytorch_agree_on_categories() -> None:
    rng = np.random.default_rng(1)
    logits, actions = rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 4, 50)
    expected, _ = categorical(torch.from_numpy(logits), torch.from_numpy(actions))
    assert np.allclose(Categorical(4).log_probs(logits, actions), expected.numpy(), atol=1e-6)


def test_samples_follow_the_gaussian() -> None:
    distribution, rng = Gaussian(box((2,))), np.random.default_rng(2)
    rows = np.broadcast_to(outputs([0.5, -2.0], [math.log(0.1), math.log(3.0)]), (200, 100, 4))
    draws = distribution.sample(rows, distribution.noise(rows.shape, rng))
    assert (draws.shape, draws.dtype) == ((200, 100, 2), np.float32)
    # The deviation of a mean of 20,000 draws is 1/141 of theirs; four of them.
    flat = draws.reshape(-1, 2)
    assert flat.mean(0).tolist() == pytest.approx([0.5, -2.0], abs=4 * 3.0 / 141)
    assert flat.std(0).tolist() == pytest.approx([0.1, 3.0], rel=0.03)
    # Components, lanes and steps draw on their own.
    assert abs(np.corrcoef(flat.T)[0, 1]) < 0.03
    for one, other in ((draws[1:], draws[:-1]), (draws[:, 1:], draws[:, :-1])):
        assert abs(np.corrcoef(one[..., 0].ravel(), other[..., 0].ravel())[0, 1]) < 0.03


def test_greedy_takes_the_first_of_equal_logits() -> None:
    logits = np.array([[2, 2, 2, 2], [0, 3, 1, 3], [-1, -1, 5, 5]], np.float32)
    assert Categorical(4).greedy(logits).tolist() == [0, 1, 2]
    assert Categorical(4).greedy(logits[1]).tolist() == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1.0, 1.0, [1.0, -1.0]),
        (0.0, [1.0, 5.0], [1.0, 0.0]),  # asymmetric, another one for each
        (None, None, [3.0, -4.0]),
        ([None, -2.0], None, [3.0, -2.0]),
    ],
)
def test_greedy_is_the_mean_within_the_bounds(low: Any, high: Any, expected: list[float]) -> None:
    distribution = Gaussian(box((2,), low, high))
    assert distribution.greedy(outputs([3.0, -4.0], [9.0, 9.0])).tolist() == [expected]


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1, 2)])
def test_environment_gets_actions_of_its_shape(shape: tuple[int, ...]) -> None:
    distribution = Gaussian(box(shape))
    assert distribution.size == math.prod(shape)
    drawn = np.random.default_rng(3).normal(0.0, 2.0, (5, distribution.size)).astype(np.float32)
    given = distribution.for_environment(drawn)
    assert (given.shape, given.dtype) == ((5, *shape), np.float32)
    assert np.array_equal(given.reshape(5, -1), np.clip(drawn, -1, 1))
    assert np.abs(drawn).max() > 1  # what was drawn is left as it is


def test_bounds_wider_than_single_precision_are_none() -> None:
    assert Gaussian(box((1,), -1e300, 1e300)).greedy(outputs([7.0], [0.0])).tolist() == [[7.0]]


def test_kind_follows_from_the_space() -> None:
    assert isinstance(distribution_of(box()), Gaussian)
    discrete = distribution_of(Space("Discrete", (), "int64", n=5))
    assert isinstance(discrete, Categorical)
    assert discrete.size == 5
