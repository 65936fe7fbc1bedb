"""Continuous actions whose units a file does not say: squashed ones, scaled ones, and what cannot be seen."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest

from lander_runtime import InputRefused, UsageError, evaluate
from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.report import Report
from squashed_graphs import OPEN, SCALED, SQUASHED, TANH, model, node

PENDULUM, CAR, LANDER = "Pendulum-v1", "CarRacing-v3", "LunarLanderContinuous-v3"
"""Bounds of -2 to 2; of -1, 0, 0 to 1; of -1 to 1."""


def load(made: onnx.ModelProto, env: str = PENDULUM, **said: Any) -> ForeignPolicy:
    from lander_runtime.foreign.matching import Choices

    return ForeignPolicy.from_bytes(
        made.SerializeToString(), Path("it.onnx"), env, "cpu", choices=Choices(**said)
    )


@pytest.mark.parametrize("name", SQUASHED)
def test_squashed_actions_are_refused_until_told(name: str) -> None:
    made = model(SQUASHED[name])
    with pytest.raises(
        InputRefused, match=r"^it\.onnx in Pendulum-v1: .*'a' .*-2 to 2.*--action-range"
    ) as no:
        load(made)
    assert "--action-range env" in str(no.value)
    observations = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    plain = load(made, action_range="env").act(observations)
    np.testing.assert_allclose(
        load(made, action_range="-1,1").act(observations), np.clip(2 * plain, -2, 2), atol=1e-5
    )


def test_to_actions_without_bounds_nothing_is_scaled() -> None:
    """So tanh is in the environment's units: no library could have stretched it."""

    class Endless(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    gymnasium.register("EndlessActions-v0", Endless)
    try:
        said = load(model(SQUASHED["tanh"]), "EndlessActions-v0").assumptions
    finally:
        del gymnasium.registry["EndlessActions-v0"]
    assert "The graph keeps it within -1 to 1, which are not the environment's bounds." in said


@pytest.mark.parametrize("name", SCALED)
def test_actions_that_are_scaled_to_the_bounds_are_taken_as_they_are(name: str) -> None:
    policy = load(model(SCALED[name]))
    assert not policy.counts_actions
    assert policy.assumptions[-1] == (
        "'a' was taken for the action in the environment's own units, clipped to its bounds."
    )


@pytest.mark.parametrize("name", OPEN)
def test_where_nothing_bounds_them_it_is_said_and_counted(name: str) -> None:
    policy = load(model(OPEN[name]))
    assert policy.counts_actions
    assert "Nothing in the graph bounds it" in policy.assumptions[-1]
    seen = evaluate(policy, episodes=2).actions
    assert seen is not None
    assert seen.count == 400
    assert seen.bounds == (-2.0, 2.0)


@pytest.mark.parametrize("name", ["tanh", "clip", "clip to nearly one"])
def test_where_the_bounds_are_one_tanh_is_as_it_is(name: str) -> None:
    policy = load(model(SQUASHED[name], 8, 2), LANDER)
    assert not policy.counts_actions
    with pytest.raises(InputRefused, match="--action-range 0,1"):
        load(model(SQUASHED["sigmoid"], 8, 2), LANDER)


@pytest.mark.parametrize("factor", ["half", "most"])
def test_a_part_of_minus_one_to_one_is_squashed_too(factor: str) -> None:
    """What goes no further than half of what its library scales."""
    for nodes in (
        [TANH, node("Mul", f"t {factor}", "a")],
        [TANH, node("Tanh", "t", "u"), node("Sin", "u", "a")],
    ):
        with pytest.raises(
            InputRefused, match=r"within -.* Say --action-range -(1|0\.999),(1|0\.999) to scale"
        ):
            load(model(nodes))
        assert not load(model(nodes), action_range="env").counts_actions


def test_what_a_cell_gives_is_squashed() -> None:
    """By a tanh that is inside of it."""
    nodes = [
        node("Unsqueeze", "x nought", "u"),
        node("GRU", "u cell cell", "y h", hidden_size=1),
        node("Squeeze", "h nought", "a"),
    ]
    with pytest.raises(InputRefused, match=r"within -1 to 1.*--action-range"):
        load(model(nodes), stateless=True)


def test_limits_of_its_own_are_said() -> None:
    policy = load(model([TANH, node("Mul", "t limit", "a")]))
    assert (
        "The graph keeps it within -1.5 to 1.5, which are not the environment's bounds." in policy.assumptions
    )


def test_each_component_has_bounds_of_its_own() -> None:
    """Steering from -1 to 1, gas and brake from 0 to 1."""
    split = node("Split", "x", "s g b", axis=1, num_outputs=3)
    ends = [node("Tanh", "s", "s2"), node("Sigmoid", "g", "g2"), node("Sigmoid", "b", "b2")]
    size = 96 * 96 * 3
    right = model([split, *ends, node("Concat", "s2 g2 b2", "a", axis=1)], size, 3)
    assert not load(right, CAR).counts_actions
    with pytest.raises(InputRefused, match=r"0 to 1 \(component \[1\]\)"):
        load(model([node("Tanh", "x", "a")], size, 3), CAR)
    scaled = load(model([node("Tanh", "x", "a")], size, 3), CAR, action_range="-1,1")
    action = scaled.act(np.zeros((96, 96, 3), np.uint8))
    np.testing.assert_allclose(action, [0.0, 0.5, 0.5])


@pytest.mark.parametrize("text", ["", "x", "1", "1,-1", "0,0", "-1,1,2", "nan,1", "-inf,inf", "Env"])
def test_a_range_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--action-range"):
        load(model(OPEN["linear"]), action_range=text)


def test_a_range_is_for_continuous_actions() -> None:
    with pytest.raises(UsageError, match="discrete"):
        load(model(OPEN["linear"], 4, 2), "CartPole-v1", action_range="-1,1")


def test_a_report_warns_where_no_action_leaves_one() -> None:
    quiet = model([node("Mul", "x small", "a")])
    report = evaluate(load(quiet), episodes=2)
    assert report.warnings[0].startswith(
        "All 400 actions lie within -1 to 1, and the environment's go from -2 to 2"
    )
    assert "--action-range" in report.warnings[0]
    told = evaluate(load(quiet, action_range="-1,1"), episodes=2)
    assert told.actions is None
    loud = evaluate(load(model([node("Mul", "x four", "a")])), episodes=2)
    assert not any("lie within" in warning for warning in loud.warnings)
    assert loud.actions is not None
    assert loud.actions.at_bounds > 0


def test_what_the_actions_were_is_the_same_for_all_lanes_and_workers_and_survives_json() -> None:
    policy = load(model(OPEN["linear"]))
    reports = [evaluate(policy, episodes=4, lanes=lanes, workers=n) for lanes, n in ((1, 1), (4, 1), (2, 2))]
    assert len({report.sha256 for report in reports}) == 1
    data = json.loads(json.dumps(reports[0].to_json()))
    assert Report.from_json(Fields(data, "it")).actions == reports[0].actions


def test_parts_add_up() -> None:
    one, two = ActionsSeen(3, 1, -0.5, 1.0, (-2.0, None)), ActionsSeen(2, 0, -1.0, 0.5, (-2.0, None))
    assert one + two == ActionsSeen(5, 1, -1.0, 1.0, (-2.0, None))
    assert (one + two).cautions()[0].startswith("All 5 actions lie within -1 to 1")
    assert ActionsSeen(5, 0, -1.0, 1.0, (-1.0, 1.0)).cautions() == []
