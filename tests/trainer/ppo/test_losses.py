"""The PPO loss: values and gradients worked out by hand, the gradients through autograd of the real code."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lander_trainer.ppo.losses import LossTerms, categorical, clipped_surrogate, ppo_loss, value_loss

CLIP = 0.25  # exact in binary, so the hand-worked figures are exact too


def value_and_gradient(loss: Tensor, variable: Tensor) -> tuple[float, list[float]]:
    (gradient,) = torch.autograd.grad(loss, variable)
    return loss.item(), gradient.tolist()


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        # The ratio left the range in the direction of the advantage: clipped, no gradient.
        pytest.param(1.5, 2.0, -2.5, 0.0, id="above, good"),  # -min(3, 1.25 * 2)
        pytest.param(0.5, -2.0, 1.5, 0.0, id="below, bad"),  # -min(-1, 0.75 * -2)
        # It left in the other direction: its own term, with gradient -A, pulls it back.
        pytest.param(1.5, -2.0, 3.0, 2.0, id="above, bad"),  # -min(-3, -2.5)
        pytest.param(0.5, 2.0, -1.0, -2.0, id="below, good"),  # -min(1, 1.5)
        pytest.param(1.125, 2.0, -2.25, -2.0, id="inside, good"),
        pytest.param(1.125, -2.0, 2.25, 2.0, id="inside, bad"),
    ],
)
def test_clipped_surrogate(ratio: float, advantage: float, loss: float, gradient: float) -> None:
    ratios = torch.tensor([ratio], requires_grad=True)
    found = value_and_gradient(clipped_surrogate(ratios, torch.tensor([advantage]), CLIP), ratios)
    assert found == (loss, [gradient])


def test_clipped_surrogate_is_a_mean_over_the_rows() -> None:
    ratios = torch.tensor([1.5, 0.5], requires_grad=True)
    # rows alone: -2.5 with gradient 0, and -1 with gradient -2
    found = value_and_gradient(clipped_surrogate(ratios, torch.tensor([2.0, 2.0]), CLIP), ratios)
    assert found == (-1.75, [0.0, -1.0])


def test_value_loss_is_half_the_mean_squared_error() -> None:
    values = torch.tensor([1.0, 3.0], requires_grad=True)
    # errors -1 and -4: (1 + 16) / 4; gradients -1/2 and -4/2
    found = value_and_gradient(
        value_loss(values, torch.tensor([9.0, 9.0]), torch.tensor([2.0, 7.0]), None), values
    )
    assert found == (4.25, [-0.5, -2.0])


@pytest.mark.parametrize(
    ("value", "loss", "gradient"),
    [
        # From 0 towards the return 2, but further than 1/4: (2 - 1/4)^2 / 2, no gradient.
        pytest.param(1.0, 1.53125, 0.0, id="far, towards"),
        # From 0 away from it: its own error is the larger one, (2 + 1)^2 / 2.
        pytest.param(-1.0, 4.5, -3.0, id="far, away"),
        pytest.param(0.125, 1.7578125, -1.875, id="near"),  # (2 - 1/8)^2 / 2
    ],
)
def test_clipped_value_loss(value: float, loss: float, gradient: float) -> None:
    values = torch.tensor([value], requires_grad=True)
    found = value_and_gradient(value_loss(values, torch.tensor([0.0]), torch.tensor([2.0]), CLIP), values)
    assert found == (loss, [gradient])


def test_value_clip_is_around_the_old_value() -> None:
    # From 1 to 2, clipped to 1.25; the return is 3: (3 - 1.25)^2 / 2
    loss = value_loss(torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([3.0]), CLIP)
    assert loss.item() == 1.53125


def loss_of(logits: Tensor, values: Tensor | None = None, **changes: Any) -> LossTerms:
    """`ppo_loss` of rows that took action 0 with probability 1/4, advantage 1, return 0."""
    rows = len(logits)
    arguments = {
        "old_log_probs": torch.full((rows,), math.log(1 / 4)),
        "old_values": torch.zeros(rows),
        "advantages": torch.ones(rows),
        "returns": torch.zeros(rows),
        "clip_range": CLIP,
        "value_coef": 0.5,
        "entropy_coef": 0.01,
        "clip_value": False,
    }
    log_probs, entropies = categorical(logits, torch.zeros(rows, dtype=torch.int64))
    values = torch.zeros(rows) if values is None else values
    return ppo_loss(log_probs, entropies, values, **(arguments | changes))


def test_log_probabilities_are_those_of_the_actions() -> None:
    # probabilities 1/2, 1/4, 1/4 and 1/8, 3/4, 1/8
    logits = torch.tensor([[2.0, 1.0, 1.0], [1.0, 6.0, 1.0]]).log() + torch.tensor([[0.0], [50.0]])
    log_probs, entropies = categorical(logits, torch.tensor([0, 2]))
    assert log_probs.exp().tolist() == pytest.approx([1 / 2, 1 / 8], rel=1e-5)
    # 1.5 ln 2, and 2 (ln 8) / 8 + 3/4 ln (4/3)
    expected = [1.5 * math.log(2), math.log(8) / 4 + 0.75 * math.log(4 / 3)]
    assert entropies.tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("actions", [1, 2, 4, 18])
def test_entropy_of_a_uniform_policy_is_the_logarithm_of_its_actions(actions: int) -> None:
    terms = loss_of(torch.full((3, actions), 7.0))
    assert terms.entropy.item() == pytest.approx(math.log(actions), abs=1e-6)


def test_entropy_by_hand() -> None:
    # probabilities 1/2, 1/4, 1/4: ln 2 / 2 + 2 ln 4 / 4 = 1.5 ln 2
    terms = loss_of(torch.tensor([[2.0, 1.0, 1.0]]).log())
    assert terms.entropy.item() == pytest.approx(1.5 * math.log(2))


def test_entropy_of_a_certain_policy_is_zero() -> None:
    assert loss_of(torch.tensor([[100.0, 0.0, 0.0]])).entropy.item() == pytest.approx(0.0, abs=1e-6)


def test_unchanged_policy_has_no_kl_and_clips_nothing() -> None:
    terms = loss_of(torch.zeros(5, 4))
    assert terms.approx_kl.item() == pytest.approx(0.0, abs=1e-7)
    assert terms.clip_fraction.item() == 0.0
    assert terms.policy.item() == pytest.approx(-1.0)


def test_approx_kl_and_clip_fraction_by_hand() -> None:
    # The new probability of action 0 is 1/4; it was 1/8 and 1/2: ratios 2 and 1/2.
    # (2 - 1 - ln 2) and (1/2 - 1 + ln 2) average to 1/4.
    terms = loss_of(torch.zeros(2, 4), old_log_probs=torch.tensor([1 / 8, 1 / 2]).log(), clip_range=0.75)
    assert terms.approx_kl.item() == pytest.approx(0.25)
    # |2 - 1| is above 3/4, |1/2 - 1| is not.
    assert terms.clip_fraction.item() == 0.5


def test_statistics_carry_no_gradient() -> None:
    terms = loss_of(torch.zeros(2, 4, requires_grad=True))
    assert not terms.approx_kl.requires_grad
    assert not terms.clip_fraction.requires_grad


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 0, width=32)), min_size=1, max_size=8))
def test_approx_kl_is_never_negative(rows: list[tuple[float, float]]) -> None:
    logits = torch.tensor([[logit, 0.0] for logit, _ in rows])
    terms = loss_of(logits, old_log_probs=torch.tensor([old for _, old in rows]))
    assert terms.approx_kl.item() >= -1e-6


def test_total_by_hand() -> None:
    terms = loss_of(
        torch.zeros(2, 4),
        torch.tensor([0.0, 0.0]),
        advantages=torch.tensor([1.0, 3.0]),
        returns=torch.tensor([2.0, 4.0]),
        value_coef=0.5,
        entropy_coef=0.1,
    )
    assert terms.policy.item() == pytest.approx(-2.0)  # -(1 + 3) / 2
    assert terms.value.item() == pytest.approx(5.0)  # (4 + 16) / 4
    # -2 + 5/2 - ln 4 / 10
    assert terms.total.item() == pytest.approx(0.5 - 0.13862943611)


def test_value_is_clipped_only_if_the_settings_say_so() -> None:
    values, returns = torch.tensor([1.0]), torch.tensor([2.0])
    assert loss_of(torch.zeros(1, 4), values, returns=returns).value.item() == 0.5
    assert loss_of(torch.zeros(1, 4), values, returns=returns, clip_value=True).value.item() == 1.53125


def test_minimising_the_total_makes_a_good_action_likelier_and_moves_the_value_to_the_return() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    values = torch.zeros(1, requires_grad=True)
    loss_of(logits, values, returns=torch.tensor([3.0]), entropy_coef=0.0).total.backward()
    assert logits.grad is not None
    assert values.grad is not None
    # d(-ratio)/dlogits = p - onehot = (1/4 - 1, 1/4, 1/4, 1/4); d(value)/dv = 0.5 * (0 - 3)
    assert logits.grad[0].tolist() == pytest.approx([-0.75, 0.25, 0.25, 0.25])
    assert values.grad.tolist() == [-1.5]
