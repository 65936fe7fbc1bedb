"""Which input takes the observation and which output is the action, by names, types and shapes alone."""

from typing import Any

import pytest

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.signature import Input, Output, Tensor, choose_input, choose_output
from lander_runtime.spec import Space

EIGHT = Space("Box", (8,), "float32")
IMAGE = Space("Box", (84, 84, 3), "uint8")
ONE_OF_FOUR = Space("Discrete", (), "int64", n=4)
TWO_THROTTLES = Space("Box", (2,), "float32")
ONE_THROTTLE = Space("Box", (1,), "float32")


def floats(name: str, *shape: int | None, dtype: str = "float32") -> Tensor:
    return Tensor(name, dtype, shape)


def integers(name: str, *shape: int | None, dtype: str = "int64") -> Tensor:
    return Tensor(name, dtype, shape)


@pytest.mark.parametrize(
    ("found", "observation", "expected"),
    [
        (floats("x", None, 8), EIGHT, Input("x", "float32", "batch", None)),
        (floats("x", 1, 8), EIGHT, Input("x", "float32", "batch", 1)),
        (floats("x", 7, None), EIGHT, Input("x", "float32", "batch", 7, open=True)),
        (floats("x", None, 8, dtype="float64"), EIGHT, Input("x", "float64", "batch", None)),
        (floats("x", 8), EIGHT, Input("x", "float32", "single", 1)),
        (floats("x", None, 84, 84, 3), IMAGE, Input("x", "float32", "batch", None)),
        (integers("x", 1, 84, 84, 3, dtype="uint8"), IMAGE, Input("x", "uint8", "batch", 1)),
        (floats("x", None, 84 * 84 * 3), IMAGE, Input("x", "float32", "flat", None)),
        (floats("x", None, 3, 84, 84), IMAGE, Input("x", "float32", "channels_first", None)),
        (floats("x", None, None, None, None), IMAGE, Input("x", "float32", "batch", None, open=True)),
        (floats("x", 1, 1, 8), EIGHT, Input("x", "float32", "sequence", 1)),
    ],
    ids=str,
)
def test_an_input_that_fits(found: Tensor, observation: Space, expected: Input) -> None:
    assert choose_input([found], observation) == expected


@pytest.mark.parametrize(
    ("found", "observation"),
    [
        ([], EIGHT),
        ([floats("x", None, 4)], EIGHT),
        ([floats("x", None)], EIGHT),
        ([floats("x")], EIGHT),
        ([floats("x", None, 2, 4)], EIGHT),
        ([integers("x", None, 8)], EIGHT),
        ([integers("x", None, 8, dtype="uint8")], EIGHT),
        ([Tensor("x", "seq(tensor(float))", ())], EIGHT),
        ([floats("a", None, 8), floats("b", None, 8)], EIGHT),
        ([floats("x", None, 3, 84, 83)], IMAGE),
        ([floats("x", 2, 1, 8)], EIGHT),
        ([floats("x", 1025, 8)], EIGHT),
        ([floats("x", 0, 8)], EIGHT),
    ],
    ids=str,
)
def test_an_input_that_does_not_fit_is_refused_with_what_is_there(
    found: list[Tensor], observation: Space
) -> None:
    with pytest.raises(InputRefused, match=r"expected .* found ") as refused:
        choose_input(found, observation)
    for tensor in found:
        assert repr(tensor.name) in str(refused.value)


@pytest.mark.parametrize(
    ("outputs", "action", "expected"),
    [
        # One fits, whatever it is called.
        ([integers("48")], ONE_OF_FOUR, Output("48", None)),
        ([integers("48", 1, dtype="int32")], ONE_OF_FOUR, Output("48", None)),
        ([floats("output", 4)], ONE_OF_FOUR, Output(None, "output")),
        ([floats("27", 2)], TWO_THROTTLES, Output("27", None)),
        ([floats("27", 2, dtype="float64")], TWO_THROTTLES, Output("27", None)),
        ([floats("27")], ONE_THROTTLE, Output("27", None)),
        # What Stable-Baselines3's recipe gives: actions, values, log_prob.
        ([integers("48"), floats("16", 1), floats("46")], ONE_OF_FOUR, Output("48", None)),
        ([floats("45", 2), floats("16", 1), floats("43")], TWO_THROTTLES, Output("45", None)),
        ([floats("a_action", 1), floats("b", 1), floats("c")], ONE_THROTTLE, Output("a_action", None)),
        # Integers beat floats, which are kept to draw from.
        ([floats("logits", 4), integers("x")], ONE_OF_FOUR, Output("x", "logits")),
        ([floats("a", 4), floats("b", 4), integers("x")], ONE_OF_FOUR, Output("x", None, ("a", "b"))),
        # Names decide between several.
        ([integers("argmax"), integers("action")], ONE_OF_FOUR, Output("action", None)),
        ([floats("probs", 4), floats("action_logits", 4)], ONE_OF_FOUR, Output(None, "action_logits")),
        ([floats("hidden", 4), floats("probabilities", 4)], ONE_OF_FOUR, Output(None, "probabilities")),
        ([floats("q_values", 4), floats("target", 4)], ONE_OF_FOUR, Output(None, "q_values")),
        ([floats("mean", 2)], TWO_THROTTLES, Output("mean", None)),
        ([floats("mu", 1), floats("value", 1)], ONE_THROTTLE, Output("mu", None)),
        ([floats("action", 2), floats("log_std", 2)], TWO_THROTTLES, Output("action", None)),
        ([floats("mean", 2), floats("action", 2)], TWO_THROTTLES, Output("action", None)),
        ([floats("x", 1), floats("value", 1)], ONE_THROTTLE, Output("x", None)),
        ([floats("x", 1), floats("critic", 1)], ONE_THROTTLE, Output("x", None)),
        ([floats("actor_critic/action", 1)], ONE_THROTTLE, Output("actor_critic/action", None)),
        ([floats("q", 2)], TWO_THROTTLES, Output("q", None)),
        # Masks and costs are no scores.
        ([floats("x", 4), floats("action_mask", 4)], ONE_OF_FOUR, Output(None, "x")),
        ([integers("a"), floats("log_std", 4)], ONE_OF_FOUR, Output("a", None)),
    ],
    ids=str,
)
def test_an_output_that_is_clear(outputs: list[Tensor], action: Space, expected: Output) -> None:
    assert choose_output(outputs, action) == expected
    assert choose_output(outputs[::-1], action) == expected, "the order says nothing"


@pytest.mark.parametrize(
    ("outputs", "action"),
    [
        ([integers("a"), integers("b")], ONE_OF_FOUR),
        ([floats("a", 4), floats("b", 4)], ONE_OF_FOUR),
        ([floats("logits_a", 4), floats("logits_b", 4)], ONE_OF_FOUR),
        ([floats("a", 1), floats("b", 1), floats("c")], ONE_THROTTLE),
        ([floats("mean", 2), floats("log_std", 2)], TWO_THROTTLES),
        ([floats("actor_mean", 2), floats("actorLogStd", 2)], TWO_THROTTLES),
        ([floats("loc", 1), floats("scale", 1)], ONE_THROTTLE),
        ([floats("27", 2), floats("std", 2)], TWO_THROTTLES),
        ([floats("mean", 2), floats("28", 2)], TWO_THROTTLES),
        ([floats("value", 1)], ONE_THROTTLE),
        ([floats("std", 2)], TWO_THROTTLES),
        ([floats("critic", 1)], ONE_THROTTLE),
        ([floats("V", 1)], ONE_THROTTLE),
        ([floats("reward_prediction", 1)], ONE_THROTTLE),
        ([floats("cost_to_go", 4)], ONE_OF_FOUR),
        ([floats("action_mask", 4)], ONE_OF_FOUR),
        ([floats("next_obs", 4)], ONE_OF_FOUR),
    ],
    ids=str,
)
def test_an_output_that_is_not_clear_is_refused_until_it_is_named(
    outputs: list[Tensor], action: Space
) -> None:
    with pytest.raises(InputRefused, match=r"not clear.*--output NAME") as refused:
        choose_output(outputs, action)
    assert repr(outputs[0].name) in str(refused.value)
    chosen = choose_output(outputs, action, outputs[0].name)
    assert outputs[0].name in (chosen.action, chosen.scores)


@pytest.mark.parametrize(
    ("outputs", "action"),
    [
        ([], ONE_OF_FOUR),
        ([floats("x", 5)], ONE_OF_FOUR),
        ([floats("x")], ONE_OF_FOUR),
        ([integers("x", 4)], ONE_OF_FOUR),
        ([Tensor("x", "bool", ())], ONE_OF_FOUR),
        ([floats("x", 4)], TWO_THROTTLES),
        ([floats("x", 2, 1)], TWO_THROTTLES),
        ([integers("x", 2)], TWO_THROTTLES),
        ([integers("x")], ONE_THROTTLE),
    ],
    ids=str,
)
def test_an_output_that_fits_nothing_is_refused_with_what_is_there(
    outputs: list[Tensor], action: Space
) -> None:
    for named in [None, *(tensor.name for tensor in outputs)]:
        with pytest.raises(InputRefused, match=r"expected an output .* found "):
            choose_output(outputs, action, named)


def test_outputs_that_cannot_be_the_action_tell_of_a_mean_too() -> None:
    """A deviation that no observation changes, or an action that is drawn at random."""
    mean = floats("mean", 2)
    for other in (floats("logstd", 2), floats("action", 2)):
        with pytest.raises(InputRefused, match=r"'mean'.*--output NAME"):
            choose_output([mean], TWO_THROTTLES, others=[other])
        assert choose_output([mean], TWO_THROTTLES, "mean", [other]) == Output("mean", None)
    assert choose_output([mean], TWO_THROTTLES, others=[floats("value_std", 1)]) == Output("mean", None)


def test_of_inputs_that_fit_the_telling_name_is_taken() -> None:
    found = choose_input([floats("memory", None, 8), floats("obs", None, 8)], EIGHT)
    assert found.name == "obs"


def test_a_name_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no output 'action'; the file gives 'x' int64 \[\]"):
        choose_output([integers("x")], ONE_OF_FOUR, "action")


def test_many_are_listed_in_few_words() -> None:
    outputs: list[Any] = [floats(f"out{number}", 3) for number in range(500)]
    with pytest.raises(InputRefused, match="and 494 more") as refused:
        choose_output(outputs, ONE_OF_FOUR)
    assert len(str(refused.value)) < 400
