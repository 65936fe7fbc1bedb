"""Handwritten gradients compared with autograd through the papers' loss, in double precision."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lander_trainer.learners.perceptron import HANDWRITTEN_ACTIVATIONS, Perceptron
from lander_trainer.networks.actor_critic import multilayer_perceptron
from lander_trainer.ppo.gradients import gaussian_policy_gradient, policy_gradient, value_gradient
from lander_trainer.ppo.losses import categorical, gaussian, ppo_loss

CLIP = 0.25


def rows_of(rng: np.random.Generator, rows: int, actions: int) -> dict[str, Any]:
    """Rows whose ratios lie inside the clip range and outside of it on both sides, with either sign."""
    logits = 2.0 * rng.normal(size=(rows, actions))
    chosen = rng.integers(0, actions, rows)
    log_probs, _ = categorical(torch.from_numpy(logits), torch.from_numpy(chosen))
    return {
        "logits": logits,
        "actions": chosen,
        "old_log_probs": log_probs.numpy() - rng.uniform(-1.0, 1.0, rows),
        "values": rng.normal(size=rows),
        "old_values": rng.normal(size=rows),
        "advantages": rng.normal(size=rows),
        "returns": rng.normal(size=rows),
    }


def by_autograd(rows: dict[str, Any], *, clip_value: bool, **coefficients: float) -> tuple[Any, Any, Any]:
    """The loss's terms and its derivatives by logits `[B, n]` and values `[B]`."""
    tensors = {name: torch.from_numpy(array) for name, array in rows.items()}
    logits, values = (tensors[name].clone().requires_grad_() for name in ("logits", "values"))
    columns = {name: tensors[name] for name in ("old_log_probs", "old_values", "advantages", "returns")}
    terms = ppo_loss(
        *categorical(logits, tensors["actions"]),
        values,
        **columns,
        clip_range=CLIP,
        clip_value=clip_value,
        **coefficients,
    )
    terms.total.backward()
    assert logits.grad is not None
    assert values.grad is not None
    return terms, logits.grad.numpy(), values.grad.numpy()


def by_hand(rows: dict[str, Any], *, clip_value: bool, value_coef: float, entropy_coef: float) -> Any:
    policy = policy_gradient(
        rows["logits"].T.copy(),
        actions=rows["actions"],
        old_log_probs=rows["old_log_probs"],
        advantages=rows["advantages"],
        clip_range=CLIP,
        entropy_coef=entropy_coef,
    )
    values = value_gradient(
        rows["values"],
        old_values=rows["old_values"],
        returns=rows["returns"],
        clip_range=CLIP if clip_value else None,
        value_coef=value_coef,
    )
    return policy, values


@pytest.mark.parametrize("clip_value", [False, True])
@pytest.mark.parametrize("entropy_coef", [0.0, 0.3])
@pytest.mark.parametrize("actions", [2, 4, 18])
def test_gradients_are_those_of_the_loss(clip_value: bool, entropy_coef: float, actions: int) -> None:
    rows = rows_of(np.random.default_rng(1), 500, actions)
    options = {"clip_value": clip_value, "value_coef": 0.7, "entropy_coef": entropy_coef}
    terms, logits, values = by_autograd(rows, **options)
    policy, value_slopes = by_hand(rows, **options)
    assert np.allclose(policy.outputs.T, logits, rtol=1e-6, atol=1e-9)
    assert np.allclose(value_slopes, values, rtol=1e-6, atol=1e-9)
    assert policy.entropies.mean() == pytest.approx(terms.entropy.item(), rel=1e-9)
    # The rows are such that every branch counts: ratios on both sides with advantages of both signs.
    ratios = np.exp(policy.log_probs - rows["old_log_probs"])
    for outside in (ratios > 1 + CLIP, ratios < 1 - CLIP, np.abs(ratios - 1) < CLIP):
        for sign in (-1, 1):
            assert (outside & (np.sign(rows["advantages"]) == sign)).sum() > 20


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), rows=st.integers(1, 9), actions=st.integers(2, 5), clip_value=st.booleans()
)
def test_gradients_are_those_of_the_loss_for_any_rows(
    seed: int, rows: int, actions: int, clip_value: bool
) -> None:
    drawn = rows_of(np.random.default_rng(seed), rows, actions)
    options = {"clip_value": clip_value, "value_coef": 0.5, "entropy_coef": 0.01}
    _, logits, values = by_autograd(drawn, **options)
    policy, value_slopes = by_hand(drawn, **options)
    assert np.allclose(policy.outputs.T, logits, rtol=1e-5, atol=1e-8)
    assert np.allclose(value_slopes, values, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("ratio", "advantage", "slope"),
    [
        (1.5, 2.0, 0.0),  # left upwards, which is what the advantage wants: no more of it
        (0.5, -2.0, 0.0),
        (1.5, -2.0, 3.0),  # left the wrong way: pulled back with -r A
        (0.5, 2.0, -1.0),
        (1.125, 2.0, -2.25),
    ],
)
def test_policy_gradient_by_hand(ratio: float, advantage: float, slope: float) -> None:
    # Uniform over two actions: the slope goes half to the action done, minus half to the other.
    found = policy_gradient(
        np.zeros((2, 1)),
        actions=np.array([1]),
        old_log_probs=np.array([math.log(0.5 / ratio)]),
        advantages=np.array([advantage]),
        clip_range=CLIP,
        entropy_coef=0.0,
    )
    assert found.outputs[:, 0].tolist() == pytest.approx([-slope / 2, slope / 2])
    assert found.log_probs.tolist() == pytest.approx([math.log(0.5)])
    assert found.entropies.tolist() == pytest.approx([math.log(2)])


def test_policy_gradient_does_not_depend_on_memory_order() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(6, 3))
    found = [
        policy_gradient(
            logits,
            actions=np.array([0, 1, 2, 2, 1, 0]),
            old_log_probs=np.full(6, math.log(1 / 3)),
            advantages=np.ones(6),
            clip_range=1e9,
            entropy_coef=0.1,
        ).outputs
        for logits in (rows.T, rows.T.copy())
    ]
    assert np.array_equal(*found)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 40),
    numbers=st.integers(1, 4),
    entropy_coef=st.sampled_from([0.0, 0.3]),
)
def test_gaussian_gradients_are_those_of_the_loss(
    seed: int, rows: int, numbers: int, entropy_coef: float
) -> None:
    rng = np.random.default_rng(seed)
    mean, actions = rng.normal(size=(2, rows, numbers))
    log_std = rng.uniform(-1.0, 0.5, numbers)
    tensors = [torch.from_numpy(array).requires_grad_() for array in (mean, log_std)]
    outputs = torch.cat([tensors[0], tensors[1].expand(rows, -1)], dim=-1)
    log_probs, entropies = gaussian(outputs, torch.from_numpy(actions))
    old_log_probs = log_probs.detach().numpy() - rng.uniform(-1.0, 1.0, rows)
    advantages = rng.normal(size=rows)
    zeros = torch.zeros(rows, dtype=torch.float64)
    ppo_loss(
        log_probs,
        entropies,
        zeros,
        old_log_probs=torch.from_numpy(old_log_probs),
        old_values=zeros,
        advantages=torch.from_numpy(advantages),
        returns=zeros,
        clip_range=CLIP,
        value_coef=0.0,
        entropy_coef=entropy_coef,
        clip_value=False,
    ).total.backward()
    policy, by_log_std = gaussian_policy_gradient(
        mean.T.copy(),
        log_std,
        actions=actions,
        old_log_probs=old_log_probs,
        advantages=advantages,
        clip_range=CLIP,
        entropy_coef=entropy_coef,
    )
    for found, tensor in zip((policy.outputs.T, by_log_std), tensors, strict=True):
        assert tensor.grad is not None
        assert np.allclose(found, tensor.grad.numpy(), rtol=1e-5, atol=1e-7)
    # 0.5 log(2 pi) is rounded to float32, by 1.6e-8 for each number of an action.
    assert np.allclose(policy.log_probs, log_probs.detach().numpy(), atol=1e-7)
    assert np.allclose(policy.entropies, entropies.detach().numpy(), atol=1e-7)


@pytest.mark.parametrize(
    ("action", "advantage", "by_mean", "by_log_std"),
    [
        (2.0, 3.0, -3.0, 0.0),  # one deviation above: z / std = 1, z^2 - 1 = 0
        (0.0, 1.0, 1.0, 0.0),
        (1.0, 2.0, 0.0, 2.0),  # the mean itself: narrower
        (3.0, 1.0, -2.0, -3.0),  # two deviations: wider
    ],
)
def test_gaussian_gradient_by_hand(
    action: float, advantage: float, by_mean: float, by_log_std: float
) -> None:
    # Mean 1, deviation 1, ratio 1: the slope by the log-density is -A.
    found, widths = gaussian_policy_gradient(
        np.ones((1, 1)),
        np.zeros(1),
        actions=np.array([[action]]),
        old_log_probs=np.array([-0.5 * (action - 1) ** 2 - 0.5 * math.log(2 * math.pi)]),
        advantages=np.array([advantage]),
        clip_range=CLIP,
        entropy_coef=0.0,
    )
    assert found.outputs[0].tolist() == pytest.approx([by_mean])
    assert widths.tolist() == pytest.approx([by_log_std])


@pytest.mark.parametrize(
    ("value", "slope"),
    [(1.0, 0.0), (-1.0, -3.0), (0.125, -1.875)],
    ids=["far, towards", "far, away", "near"],
)
def test_clipped_value_gradient_by_hand(value: float, slope: float) -> None:
    # The cases of test_losses.py: from 0, the return is 2, clipped to 1/4.
    found = value_gradient(
        np.array([value]), old_values=np.zeros(1), returns=np.array([2.0]), clip_range=CLIP, value_coef=1.0
    )
    assert found.tolist() == [slope]


# The network.


def perceptron_of(network: nn.Module, activation: str) -> tuple[Perceptron, list[Any]]:
    """A perceptron over the weights of `network`, and the arrays its gradients go to."""
    weights = [parameter.detach().numpy() for parameter in network.parameters()]
    gradients = [np.full_like(weight, np.nan) for weight in weights]
    return Perceptron(weights, gradients, activation), gradients


@pytest.mark.parametrize("activation", HANDWRITTEN_ACTIVATIONS)
@pytest.mark.parametrize("sizes", [[3, 2], [3, 5, 2], [3, 7, 6, 5, 4]], ids=str)
def test_perceptron_has_the_outputs_and_gradients_of_autograd(activation: str, sizes: list[int]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = multilayer_perceptron(sizes, activation, last_gain=1.0)
    rng = np.random.default_rng(2)
    perceptron, gradients = perceptron_of(network, activation)
    # The second batch is larger than the first and the third smaller: buffers grow and are cut.
    for rows in (4, 11, 2):
        inputs = rng.normal(size=(rows, sizes[0])).astype(np.float32)
        slopes = rng.normal(size=(sizes[-1], rows)).astype(np.float32)
        expected = network(torch.from_numpy(inputs))
        network.zero_grad()
        expected.backward(torch.from_numpy(slopes.T.copy()))
        found = perceptron.forward(inputs)
        perceptron.backward(inputs, slopes)
        assert np.allclose(found.T, expected.detach().numpy(), rtol=1e-5, atol=1e-6)
        for gradient, parameter in zip(gradients, network.parameters(), strict=True):
            assert parameter.grad is not None
            assert np.allclose(gradient, parameter.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_outputs_are_not_overwritten_by_the_next_batch() -> None:
    network = multilayer_perceptron([3, 4, 2], "tanh", last_gain=1.0)
    perceptron, _ = perceptron_of(network, "tanh")
    first = perceptron.forward(np.ones((2, 3), np.float32))
    kept = first.copy()
    perceptron.forward(np.zeros((2, 3), np.float32))
    assert np.array_equal(first, kept)
