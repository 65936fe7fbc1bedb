"""`Policy`: what it gives for one observation and for a batch, and what it refuses."""

import gc
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from lander_runtime import Policy, UsageError

Batch = Callable[[int], Any]
Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


# What comes out


def test_one_observation_gives_what_step_takes(discrete: Policy, observations: Batch) -> None:
    action = discrete.act(observations(1)[0])
    assert type(action) is int
    assert action in range(4)


def test_a_batch_gives_one_action_a_row(discrete: Policy, observations: Batch) -> None:
    actions = discrete.act(observations(7))
    assert actions.dtype == np.int64
    assert actions.shape == (7,)


def test_one_observation_is_a_row_of_the_batch(
    discrete: Policy, continuous: Policy, observations: Batch
) -> None:
    batch = observations(50)
    assert [discrete.act(row) for row in batch] == discrete.act(batch).tolist()
    singles = np.stack([continuous.act(row) for row in batch])
    np.testing.assert_allclose(singles, continuous.act(batch), atol=1e-6)


def test_greedy_is_the_largest_logit(discrete: Policy, observations: Batch) -> None:
    batch = observations(200)
    logits = discrete.outputs(batch)["logits"]
    assert logits.shape == (200, 4)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(discrete.act(batch), logits.argmax(axis=1))
    assert len(set(discrete.act(batch).tolist())) == 4, "no action is out of reach of this test"


def test_the_golden_observations_give_the_golden_actions(discrete: Policy) -> None:
    golden = discrete.info.golden
    actions = [discrete.act(np.array(row, np.float32)) for row in golden.observations]
    assert actions == golden.outputs["action"]


def test_continuous_actions_are_the_mean_clipped(continuous: Policy, observations: Batch) -> None:
    batch = observations(200)
    out = continuous.outputs(batch)
    assert sorted(out) == ["action", "log_std", "mean"]
    assert (np.abs(out["mean"]) > 1).any(), "else nothing is clipped here"
    np.testing.assert_array_equal(continuous.act(batch), np.clip(out["mean"], -1, 1))
    assert continuous.act(batch).dtype == np.float32
    assert continuous.act(batch).shape == (200, 2)
    assert continuous.act(batch[0]).dtype == np.float32
    assert continuous.act(batch[0]).shape == (2,)


def test_memory_layout_does_not_matter(discrete: Policy, observations: Batch) -> None:
    batch = observations(6)
    assert discrete.act(np.asfortranarray(batch)).tolist() == discrete.act(batch).tolist()
    assert discrete.act(batch[::-2]).tolist() == discrete.act(batch).tolist()[::-2]
    batch.flags.writeable = False
    assert discrete.act(batch).shape == (6,)


@pytest.mark.parametrize("other", [np.float64, np.float16, ">f4"])
def test_other_number_types_are_cast_once(discrete: Policy, observations: Batch, other: Any) -> None:
    as_float32 = observations(20).astype(other).astype(np.float32)
    found = as_float32.astype(other)
    assert discrete.act(found).tolist() == discrete.act(as_float32).tolist()
    assert discrete.act(found[0]) == discrete.act(as_float32[0])
    np.testing.assert_array_equal(discrete.outputs(found)["logits"], discrete.outputs(as_float32)["logits"])


def test_lists_are_as_good_as_arrays(discrete: Policy, continuous: Policy, observations: Batch) -> None:
    batch = observations(5)
    for policy in (discrete, continuous):
        np.testing.assert_array_equal(policy.act(batch.tolist()), policy.act(batch))
        np.testing.assert_array_equal(policy.act(tuple(batch[0].tolist())), policy.act(batch[0]))
        drawn = [policy.act(obs, np.random.default_rng(3)) for obs in (batch.tolist(), list(batch), batch)]
        np.testing.assert_array_equal(drawn[0], drawn[2])
        np.testing.assert_array_equal(drawn[1], drawn[2])
    assert discrete.act([0, 1, 0, 0, 0, 0, 1, 1]) == discrete.act(
        np.array([0, 1, 0, 0, 0, 0, 1, 1], np.float32)
    )


@pytest.mark.parametrize("value", [1e300, -1e39, np.float64(3.5e38)])
def test_a_number_that_float32_cannot_hold_is_refused(discrete: Policy, value: float) -> None:
    single = [0.0] * 8
    single[6] = value
    with pytest.raises(UsageError, match=r"holds .*e\+.* at index \[6\]; float32 cannot hold it"):
        discrete.act(single)
    with pytest.raises(UsageError, match=r"at index \[1, 6\]; float32 cannot hold it"):
        discrete.act([[0.0] * 8, single], np.random.default_rng(0))


def test_the_observation_belongs_to_the_caller(discrete: Policy, observations: Batch) -> None:
    batch = observations(6)
    before = batch.copy()
    discrete.act(batch)
    discrete.act(batch, np.random.default_rng(1))
    np.testing.assert_array_equal(batch, before)


def test_threads_may_share_a_policy(discrete: Policy, observations: Batch) -> None:
    rows = list(observations(400))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(discrete.act, rows)) == [discrete.act(row) for row in rows]


# Over one array


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_over_an_array_acts_on_what_it_holds(
    kind: str, discrete: Policy, continuous: Policy, observations: Batch
) -> None:
    policy = {"discrete": discrete, "continuous": continuous}[kind]
    rows = observations(7)
    batch = np.zeros_like(rows)
    act = policy.bind(batch)
    expected, found = [], []
    for shift in range(4):
        batch[:] = np.roll(rows, shift, axis=0)
        expected.append(policy.act(batch.copy()))
        found.append(act())
    assert len({actions.tobytes() for actions in expected}) == 4
    # All at the end: what was given belongs to the caller.
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_over_an_array_its_memory_stays(discrete: Policy, observations: Batch) -> None:
    """ONNX Runtime knows addresses only."""
    act = discrete.bind(observations(7))
    expected = discrete.act(observations(7))
    for attempt in range(50):
        if attempt % 10 == 0:  # Not each time: it takes a second where many tests ran before.
            gc.collect()
        np.full((7, 8), 1e3, np.float32)
        np.testing.assert_array_equal(act(), expected)


def test_over_an_array_of_another_kind_there_is_no_acting(discrete: Policy, observations: Batch) -> None:
    """What is written into the array later would not reach a copy of another kind."""
    for batch in (observations(7).astype(np.float64), observations(7).tolist()):
        with pytest.raises(UsageError, match="Expected a float32 array of shape"):
            discrete.bind(batch)


def test_over_an_array_refuses_what_act_refuses(discrete: Policy, observations: Batch) -> None:
    batch = observations(7)
    act = discrete.bind(batch)
    batch[2, 3] = np.nan
    with pytest.raises(UsageError, match=r"nan at index \[2, 3\]"):
        act()
    batch[2, 3] = 0.0
    assert act().shape == (len(batch),)


def test_over_an_array_a_subclass_acts_in_its_own_way(tiny_discrete: Path, observations: Batch) -> None:
    class Stubborn(Policy):
        def act(self, obs: np.ndarray[Any, Any], rng: np.random.Generator | None = None) -> Any:
            return np.full(len(obs), 3)

    assert set(Stubborn.load(tiny_discrete, "cpu").bind(observations(7))()) == {3}


# Sampling


def test_sampling_needs_only_the_generator_to_repeat_itself(
    discrete: Policy, continuous: Policy, observations: Batch
) -> None:
    for policy in (discrete, continuous):
        batch = observations(100)
        first, again, other = (policy.act(batch, np.random.default_rng(seed)) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()
        assert first.dtype == policy.act(batch).dtype
        assert first.shape == policy.act(batch).shape


def test_one_sampled_observation_gives_what_step_takes(
    discrete: Policy, continuous: Policy, observations: Batch
) -> None:
    generator = np.random.default_rng(3)
    assert type(discrete.act(observations(1)[0], generator)) is int
    assert continuous.act(observations(1)[0], generator).shape == (2,)


def test_frequencies_are_the_softmax_of_the_logits(discrete: Policy) -> None:
    """Pearson's test on 40,000 draws: odds that are off by 0.02 would give a p-value below 1e-12."""
    obs = np.array([0.5, -0.25, 0, 1, 0, 0, 0, 1], np.float32)
    logits = discrete.outputs(obs[None])["logits"][0].astype(np.float64)
    odds = np.exp(logits) / np.exp(logits).sum()
    assert odds.min() > 0.02
    draws = discrete.act(np.tile(obs, (40_000, 1)), np.random.default_rng(11))
    counts = np.bincount(draws, minlength=4)
    assert scipy.stats.chisquare(counts, 40_000 * odds).pvalue > 1e-4


def test_continuous_draws_are_the_gaussian_clipped(continuous: Policy) -> None:
    """log_std is (-0.5, 0.25) for every observation; 40,000 draws, and a row with a small mean."""
    obs = np.array(continuous.info.golden.observations[1], np.float32)
    mean = continuous.outputs(obs[None])["mean"][0].astype(np.float64)
    draws = continuous.act(np.tile(obs, (40_000, 1)), np.random.default_rng(12))
    assert draws.min() == -1
    assert draws.max() == 1
    for component, log_std in enumerate((-0.5, 0.25)):
        gaussian = scipy.stats.norm(mean[component], np.exp(log_std))
        for threshold in (-0.9, -0.3, 0.0, 0.5, 0.9):
            share = np.mean(draws[:, component] <= threshold)
            assert share == pytest.approx(gaussian.cdf(threshold), abs=0.01)


def test_each_row_is_drawn_on_its_own(discrete: Policy) -> None:
    draws = discrete.act(np.zeros((200, 8), np.float32), np.random.default_rng(1))
    assert len(set(draws.tolist())) > 1


def test_a_component_without_a_bound_is_not_clipped(
    tiny_continuous: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    """JSON's null is "no bound" and must not become NaN on its way through numpy."""

    def open_first_component(metadata: Any) -> None:
        metadata["action"].update(low=[None, -1.0], high=[None, 1.0])

    policy = load(with_changed_metadata(tiny_continuous, open_first_component))
    draws = policy.act(np.zeros((500, 8), np.float32), np.random.default_rng(1))
    assert np.isfinite(draws).all()
    assert (np.abs(draws[:, 0]) > 1).any()
    assert (np.abs(draws[:, 1]) <= 1).all()


def test_a_bound_beyond_float32_is_no_bound(
    tiny_continuous: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    """A number like any other in JSON; there is no warning (warnings are errors here)."""

    def widen(metadata: Any) -> None:
        metadata["action"].update(low=-1e300, high=1e300)

    policy = load(with_changed_metadata(tiny_continuous, widen))
    draws = policy.act(np.zeros((500, 8), np.float32), np.random.default_rng(1))
    assert np.isfinite(draws).all()
    assert (np.abs(draws) > 1).any()


# What is refused


@pytest.mark.parametrize(
    ("obs", "found"),
    [
        ([0.0] * 7, r"found list of shape \[7\]"),
        ((0.0,) * 9, r"found tuple of shape \[9\]"),
        ([], r"found list of shape \[0\]"),
        ([[0.0] * 8, [0.0] * 7], "found list of lists that differ in length"),
        (["a"] * 8, "found list of other things"),
        ([None] * 8, "found list of other things"),
        ([10**400] * 8, "found list of other things"),
        ("0" * 8, "found str"),
        ({"obs": [0.0] * 8}, "found dict"),
        (None, "found NoneType"),
        (0.0, "found float"),
        (np.float32(3), "found float32"),
        (np.zeros(7), r"found float64 of shape \[7\]"),
        (np.zeros((2, 4)), r"found float64 of shape \[2, 4\]"),
        (np.zeros(8, object), r"found object of shape \[8\]"),
        (np.zeros(8, complex), r"found complex128 of shape \[8\]"),
        (np.zeros(8, bool), r"found bool of shape \[8\]"),
        (np.full(8, "a"), r"found <U1 of shape \[8\]"),
        (np.zeros(7, np.float32), r"found float32 of shape \[7\]"),
        (np.zeros((8, 1), np.float32), r"found float32 of shape \[8, 1\]"),
        (np.zeros((2, 4), np.float32), r"found float32 of shape \[2, 4\]"),
        (np.zeros((1, 1, 8), np.float32), r"found float32 of shape \[1, 1, 8\]"),
        (np.zeros((0, 8), np.float32), r"found float32 of shape \[0, 8\]"),
        (np.zeros(0, np.float32), r"found float32 of shape \[0\]"),
        (np.array(0, np.float32), r"found float32 of shape \[\]"),
    ],
)
def test_an_observation_of_another_kind_is_refused(discrete: Policy, obs: Any, found: str) -> None:
    expected = r"Expected a float32 array of shape \[8\] or \[batch, 8\], "
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(UsageError, match=expected + found):
            discrete.act(obs, rng)
    with pytest.raises(UsageError, match=found):
        discrete.outputs(obs)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_observation_that_is_not_finite_is_refused(discrete: Policy, bad: float) -> None:
    single = np.zeros(8, np.float32)
    single[5] = bad
    with pytest.raises(UsageError, match=rf"holds {bad} at index \[5\]; it must be finite"):
        discrete.act(single)
    batch = np.zeros((3, 8), np.float32)
    batch[2, 5] = bad
    for obs in (batch, batch.astype(np.float64), batch.tolist()):
        with pytest.raises(UsageError, match=rf"holds {bad} at index \[2, 5\]; it must be finite"):
            discrete.act(obs, np.random.default_rng(0))


@pytest.mark.parametrize("huge", [1e18, 1e20, 1e30, -1e30])
def test_an_observation_that_is_huge_is_accepted(discrete: Policy, huge: float) -> None:
    """Finite, though its square is not; there is no warning either (warnings are errors here)."""
    assert discrete.act(np.full(8, huge, np.float32)) in range(4)
    assert discrete.act(np.full((3, 8), huge, np.float32), np.random.default_rng(0)).shape == (3,)


def test_outputs_are_for_a_batch(discrete: Policy) -> None:
    with pytest.raises(UsageError, match=r"batch.* found .*shape \[8\]"):
        discrete.outputs(np.zeros(8, np.float32))


# What it says about itself


def test_a_policy_knows_where_it_runs_and_what_it_is(tiny_discrete: Path, discrete: Policy) -> None:
    assert discrete.provider == "CPUExecutionProvider"
    assert discrete.device == "cpu"
    assert discrete.device_note is None
    assert discrete.path == tiny_discrete
    assert discrete.info.env.id == "LunarLander-v3"
    assert [action.name for action in discrete.info.action.components] == [
        "coast", "left engine", "main engine", "right engine",
    ]  # fmt: skip


def test_the_digest_is_that_of_the_file(tmp_path: Path, tiny_discrete: Path) -> None:
    content = tiny_discrete.read_bytes()
    (tmp_path / "copy.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert Policy.load(tmp_path / "copy.onnx", "cpu").sha256 == digest
    assert Policy.load(str(tiny_discrete), "cpu").sha256 == digest, "a path may be a string"
