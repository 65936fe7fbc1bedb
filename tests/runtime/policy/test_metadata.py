"""The metadata survives its way through JSON, to the last bit of every number."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime import EnvSpec, InputRefused, Policy, PolicyInfo
from lander_runtime.json_data.fields import Fields
from lander_runtime.policy.metadata import Golden, Training, Verification
from lander_runtime.scores.summary import Summary
from lander_runtime.spec import Component, Space, WrapperSpec

PROPERTY = settings(settings.get_profile("lander"), max_examples=100)

finite = st.floats(allow_nan=False, allow_infinity=False)
count = st.integers(0, 2**53)
words = st.text(st.characters(codec="utf-8"), max_size=12).filter(str.isprintable)
plain = st.none() | st.booleans() | st.integers() | finite | words
objects = st.dictionaries(words, plain, max_size=3)
env_ids = st.from_regex(r"([A-Za-z_][A-Za-z_.-]{0,5}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
components = st.lists(st.builds(Component, words, words), max_size=3).map(tuple)

specs = st.builds(
    EnvSpec,
    id=env_ids,
    kwargs=objects,
    wrappers=st.lists(st.builds(WrapperSpec, words, objects), max_size=2).map(tuple),
    max_episode_steps=st.none() | st.integers(1, 10**8),
    reward_threshold=st.none() | finite,
)


@st.composite
def boxes(draw: st.DrawFn) -> Space:
    """A Box with bounds of each kind: none, one for all, one for each component with gaps."""
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple))
    bound = st.none() | finite
    for size in reversed(shape):
        bound = st.lists(bound, min_size=size, max_size=size)
    bounds = st.none() | finite | bound
    dtype = draw(st.sampled_from(["float32", "float64", "uint8"]))
    return Space("Box", shape, dtype, low=draw(bounds), high=draw(bounds), components=draw(components))


choices = st.builds(
    Space, st.just("Discrete"), st.just(()), st.just("int64"), n=st.integers(1, 99), components=components
)

share = st.floats(0.0, 1.0)
pairs = st.tuples(finite, finite).map(sorted).map(tuple)


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """Figures that some episodes could have."""
    low, high = sorted(draw(st.tuples(st.floats(-1e99, 1e99), st.floats(-1e99, 1e99))))
    between = st.floats(low, high)
    outcomes = draw(st.dictionaries(words, st.integers(2, 2**40), max_size=3))
    return Summary(
        episodes=sum(outcomes.values()) or draw(st.integers(2, 2**53)),
        first_seed=draw(count),
        deterministic=draw(st.booleans()),
        mean_return=draw(between),
        std_return=draw(st.floats(0.0, (high - low) / 2.0)),
        ci95=draw(st.none() | pairs),
        iqm_return=draw(between),
        min_return=low,
        max_return=high,
        success_rate=draw(st.none() | share),
        mean_length=draw(st.floats(1.0, 1e9)),
        median_return=draw(st.none() | between),
        success_ci95=draw(st.none() | st.tuples(share, share).map(sorted).map(tuple)),
        outcome_counts=outcomes,
    )


@st.composite
def verifications(draw: st.DrawFn) -> Verification:
    observations = draw(count)
    return Verification(
        observations, draw(st.floats(0.0, 1.0)), draw(share), draw(st.integers(0, observations))
    )


@st.composite
def golden_vectors(draw: st.DrawFn) -> Golden:
    numbers = st.lists(finite, max_size=2)
    outputs = draw(st.dictionaries(words, numbers, max_size=2))
    scale = {name: draw(numbers) for name in outputs} if draw(st.booleans()) else None
    observations = draw(st.lists(st.lists(finite, min_size=2, max_size=2), max_size=2))
    return Golden(observations, outputs, scale, draw(st.none() | st.floats(1e-9, 1e-3)))


infos = st.builds(
    PolicyInfo,
    env=specs,
    observation=boxes(),
    action=boxes() | choices,
    training=st.builds(
        Training,
        algorithm=words,
        steps=st.none() | count,
        seed=st.none() | count,
        config=objects,
        versions=st.dictionaries(words, words, max_size=3),
        platform=words,
    ),
    verification=verifications(),
    evaluation=st.none() | summaries(),
    golden=golden_vectors(),
    weights_sha256=st.from_regex("[0-9a-f]{64}", fullmatch=True),
    license=words,
    created=words,
)


@PROPERTY
@given(info=infos)
def test_metadata_survives_the_way_through_json(info: PolicyInfo) -> None:
    text = info.to_json()
    assert PolicyInfo.from_json(text, "file") == info
    assert PolicyInfo.from_json(text, "file").to_json() == text
    # As other programs read it, too: in UTF-8 and without what is not JSON.
    json.loads(text.encode("utf-8"), parse_constant=pytest.fail)


@PROPERTY
@given(summary=summaries())
def test_a_summary_survives_the_way_through_json(summary: Summary) -> None:
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert Summary.from_json(Fields.parse(text, "file")) == summary


def test_full_precision_of_numbers_that_decimals_spoil(discrete: Policy) -> None:
    fields = {**vars(discrete.info)}
    golden = [[0.1, 1 / 3, math.nextafter(1, 2), 5e-324, 1.7976931348623157e308, -0.0, 2.0**-149, 1e-5]]
    fields["golden"] = Golden(golden, {})
    found = PolicyInfo.from_json(PolicyInfo(**fields).to_json(), "file").golden.observations
    assert [value.hex() for value in found[0]] == [value.hex() for value in golden[0]]


def test_a_number_that_json_does_not_know_is_not_written(discrete: Policy) -> None:
    info = PolicyInfo(**{**vars(discrete.info), "golden": Golden([[math.nan]], {})})
    with pytest.raises(ValueError, match="JSON"):
        info.to_json()


def test_the_entries_of_the_schema(discrete: Policy) -> None:
    """docs/policy-file.md names them; other programs read them."""
    data = json.loads(discrete.info.to_json())
    assert list(data) == [
        "schema", "env", "observation", "action", "training", "verification", "evaluation", "golden",
        "weights_sha256", "license", "created",
    ]  # fmt: skip
    assert data["schema"] == "1.0"
    assert list(data["env"]) == ["id", "kwargs", "wrappers", "max_episode_steps", "reward_threshold"]
    assert list(data["action"]) == ["type", "shape", "dtype", "n", "low", "high", "components"]
    assert data["action"]["components"][2] == {"name": "main engine", "unit": ""}
    assert list(data["golden"]["outputs"]) == ["action", "logits"]
    assert data["evaluation"] is None


def test_a_summary_without_interval_and_threshold() -> None:
    summary = Summary(1, 0, True, 5.0, 0.0, None, 5.0, 5.0, 5.0, None, 10.0)
    data = summary.to_json()
    assert data["ci95"] is data["success_rate"] is None
    assert Summary.from_json(Fields(data, "file")) == summary


@pytest.mark.parametrize("interval", [[], [1.0], [1.0, 2.0, 3.0], ["1", 2.0], 1.0, {"low": 1.0}])
def test_an_interval_has_two_ends(interval: Any) -> None:
    data = Summary(9, 0, True, 5.0, 0.0, (4.0, 6.0), 5.0, 5.0, 5.0, None, 10.0).to_json()
    with pytest.raises(InputRefused, match="ci95"):
        Summary.from_json(Fields({**data, "ci95": interval}, "file"))


@pytest.mark.parametrize(
    "value", [[1], {"a": 1}, (1,), b"1", object()], ids=lambda value: type(value).__name__
)
def test_arguments_of_an_environment_are_plain_values(value: Any) -> None:
    with pytest.raises(InputRefused, match="LunarLander-v3: the argument 'gravity' must be a plain value"):
        EnvSpec("LunarLander-v3", kwargs={"gravity": value})


def test_a_name_space_is_part_of_an_id() -> None:
    assert EnvSpec("ALE/Pong-v5").id == "ALE/Pong-v5"


def test_it_is_read_without_opening_the_file(tiny_discrete: Path, tiny_continuous: Path) -> None:
    for path in (tiny_discrete, tiny_continuous):
        assert PolicyInfo.read(path) == Policy.load(path, "cpu").info


@pytest.mark.parametrize("content", [b"", b"no model", bytes(range(256)), b"\x72\x04\x12\x02{}"])
def test_reading_what_is_no_policy_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "policy.onnx").write_bytes(content)
    for path in (tmp_path / "policy.onnx", tmp_path, tmp_path / "missing.onnx"):
        with pytest.raises(
            InputRefused, match=r"not a policy|not an ONNX|cannot be read|does not exist|is empty"
        ):
            PolicyInfo.read(path)
