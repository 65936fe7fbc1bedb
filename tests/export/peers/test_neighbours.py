"""Networks beside the actor that no size tells apart from a part of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lander_runtime.errors import InputRefused
from peer_files import assert_acts_as, named, perceptron, read

ACTOR = named(perceptron(nn.Tanh), "actor.")
"""From 3 numbers to 2."""


def between(takes: int, gives: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(takes, 8), nn.ReLU(), nn.Linear(8, gives))


@pytest.mark.parametrize("name", ["encoder.", "features_extractor.net.", "body."])
def test_what_may_stand_in_front_is_refused_until_told(name: str, tmp_path: Path) -> None:
    for front in (between(3, 3), nn.Linear(3, 3)):
        content = {**named(front, name), **ACTOR}
        with pytest.raises(InputRefused, match=r"may stand in front.*--normalizer none"):
            read(tmp_path, content)
    assert_acts_as(read(tmp_path, content, normalizer="none"), perceptron(nn.Tanh))


@pytest.mark.parametrize("name", ["projection.", "head.layers."])
def test_what_may_stand_behind_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="may stand behind"):
        read(tmp_path, {**ACTOR, **named(nn.Linear(2, 2), name)})


def test_a_mask_of_actions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="action_mask may forbid actions"):
        read(tmp_path, {**ACTOR, "action_mask": torch.tensor([1.0, 0.0])})


@pytest.mark.parametrize(
    "others",
    [
        named(between(3, 3), "critic_encoder."),
        named(between(3, 1), "critic."),
        named(between(3, 2), "target_actor."),
        named(between(5, 3), "dynamics."),
        named(between(3, 8), "rnd_predictor."),
        {"attention_mask": torch.ones(4)},
    ],
    ids=lambda others: next(iter(others)),
)
def test_what_no_actor_needs_is_left_out_and_said(others: dict[str, Any], tmp_path: Path) -> None:
    policy = read(tmp_path, {**ACTOR, **others})
    assert_acts_as(policy, perceptron(nn.Tanh))
    assert "left out" in policy.notes[-1]
