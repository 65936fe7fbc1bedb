"""The compiled learner: its functions, networks of all sizes, and the same bits everywhere."""

import hashlib
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_simulator import build as compiling
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.kernels import library, why_unavailable
from lander_trainer.learners.kernels.library import LEARNER, Optimiser
from lander_trainer.learners.kernels.network import Network
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.learners.numpy_fits import NumpyActorLearner
from trainer_rollouts import config_of

Array = NDArray[np.float32]

compiled = pytest.mark.skipif(why_unavailable() is not None, reason=str(why_unavailable()))


def optimiser_of(values: Array, rate: float) -> tuple[Optimiser, list[Array]]:
    """An optimiser that starts, and the arrays that it points to."""
    arrays = [values, *(np.zeros_like(values) for _ in range(3))]
    return Optimiser(*(array.ctypes.data for array in arrays), 0, rate, 1e-5, 0.5), arrays


def weights_of(widths: list[int], seed: int = 0) -> Array:
    count = sum((a + 1) * b for a, b in pairwise(widths))
    return np.random.default_rng(seed).normal(scale=0.5, size=count).astype(np.float32)


def log_probs_of(logits: Array) -> Array:
    """Log-probabilities of action 0, by a network that passes `logits` `[R, 2]` on."""
    values = np.array([1, 0, 0, 1, 0, 0], np.float32)
    optimiser, _ = optimiser_of(values, 0.0)
    rows = len(logits)
    zeros = np.zeros(rows, np.float32)
    result = Network([2, 2], "relu").actor_epoch(
        optimiser, rows, logits, np.zeros(rows, np.int64), zeros, zeros, clip_range=0.2, entropy_coef=0.0
    )
    return result[0]


# Functions.


@compiled
def test_hyperbolic_tangent() -> None:
    # One hidden unit that passes its input on.
    network, values = Network([1, 1, 1], "tanh"), np.array([1, 0, 1, 0], np.float32)
    x = np.concatenate([np.linspace(-12, 12, 4001), [0, 1e-30, -1e-6, 3e-4, 1e30, -1e30]]).astype(np.float32)
    found, wanted = network.forward(values, x[:, None])[:, 0], np.tanh(x.astype(np.float64))
    assert np.abs(found / np.where(wanted == 0, 1, wanted) - (wanted != 0)).max() < 5e-7
    assert np.isnan(network.forward(values, np.full((1, 1), np.nan, np.float32))).all()


@compiled
def test_log_of_a_softmax() -> None:
    gaps = np.concatenate([np.linspace(-80, 80, 3001), [0.0, 1e-6, 200.0, -200.0]]).astype(np.float32)
    found = log_probs_of(np.stack([gaps, np.zeros_like(gaps)], axis=1))
    wanted = -np.logaddexp(0.0, -gaps.astype(np.float64))
    assert np.abs(found - wanted).max() <= 2e-6 * max(1.0, np.abs(wanted).max())
    assert np.abs(found - wanted)[np.abs(gaps) < 5].max() < 3e-7


# Networks of all sizes.


@compiled
@pytest.mark.parametrize("rows", [1, 5, 63, 64, 65, 200])
@pytest.mark.parametrize("widths", [[1, 1, 1], [3, 5, 2], [8, 64, 64, 4], [9, 17, 70, 13], [376, 33, 17]])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_pass_is_numpys(activation: str, widths: list[int], rows: int) -> None:
    rng = np.random.default_rng(rows)
    obs = rng.normal(size=(rows, widths[0])).astype(np.float32)
    actions = rng.integers(0, widths[-1], rows)
    old, advantages = np.full(rows, -1.0, np.float32), rng.normal(size=rows).astype(np.float32)
    config = config_of(
        activation=activation, lanes=1, rollout_steps=max(rows, 2), minibatches=2, entropy_coef=0.1
    )
    shapes = [shape for a, b in pairwise(widths) for shape in ((b, a), (b,))]
    layout = ParameterLayout(tuple(map(str, range(len(shapes)))), tuple(shapes))
    numpys = NumpyActorLearner(layout, config, weights_of(widths))
    epoch = numpys.epoch(obs, actions, old, advantages, 1e-3)
    optimiser, arrays = optimiser_of(weights_of(widths), 1e-3)
    log_probs, entropies, norms, finite = Network(widths, activation).actor_epoch(
        optimiser,
        -(-max(rows, 2) // 2),
        obs,
        actions,
        old,
        advantages,
        clip_range=config.clip_range,
        entropy_coef=config.entropy_coef,
    )
    assert finite
    assert optimiser.steps == numpys.adam.steps == len(norms)
    assert np.allclose(log_probs, epoch.log_probs, rtol=2e-4, atol=2e-4)
    assert np.allclose(entropies, epoch.entropies, rtol=2e-4, atol=2e-4)
    assert np.allclose(norms, epoch.norms, rtol=2e-3, atol=1e-6)
    wanted = (numpys.values, numpys.adam.exp_avg, numpys.adam.exp_avg_sq)
    for mine, its in zip((arrays[0], *arrays[2:]), wanted, strict=True):
        assert np.allclose(mine, its, rtol=1e-3, atol=2e-4)


@compiled
def test_weights_that_are_no_numbers_are_taken_over() -> None:
    # A new network holds no weights yet, and must not take these for the ones that it holds.
    for fill in (np.nan, 0.0, -0.0):
        values = np.full(weights_of([3, 5, 2]).size, fill, np.float32)
        outputs = Network([3, 5, 2], "relu").forward(values, np.ones((2, 3), np.float32))
        assert np.isnan(outputs).all() == np.isnan(fill)
        assert (outputs == 0).all() != np.isnan(fill)


@compiled
def test_short_blocks_see_nothing_of_longer_ones() -> None:
    # 64 rows at a time: what a longer block left behind must not reach the next, shorter one.
    network, values = Network([3, 5, 2], "tanh"), weights_of([3, 5, 2])
    obs = np.random.default_rng(1).normal(size=(130, 3)).astype(np.float32)
    together = network.forward(values, obs)
    assert np.array_equal(together[128:], Network([3, 5, 2], "tanh").forward(values, obs[128:]))
    each = [network.forward(values, obs[i : i + 1]) for i in range(130)]
    assert np.array_equal(together, np.concatenate(each))


# The same bits everywhere.

DIGEST = "8f017adf01562991"


def digest_of_passes() -> str:
    """Of weights and results after passes of an actor, a Gaussian actor and a critic."""
    rng = np.random.default_rng(5)
    digest = hashlib.sha256()
    rows = 700
    # Whole numbers over powers of two, so that no other library's rounding is in it.
    numbers = [
        (rng.integers(-400, 400, size) / 128).astype(np.float32)
        for size in ((rows, 8), (rows, 2), rows, rows, rows)
    ]
    obs, continuous, old, advantages, returns = numbers
    for activation in ("tanh", "relu"):
        for widths, gaussian in (([8, 64, 20, 4], False), ([8, 33, 2], True), ([8, 64, 64, 1], None)):
            count = weights_of(widths).size + (2 if gaussian else 0)
            values = (rng.integers(-60, 60, count) / 128).astype(np.float32)
            optimiser, arrays = optimiser_of(values, 0.01)
            network = Network(widths, activation, gaussian=bool(gaussian))
            digest.update(network.forward(values, obs).tobytes())
            for _ in range(3):
                if gaussian is None:
                    results = network.critic_epoch(
                        optimiser, 256, obs, old, returns, clip_range=0.2, value_coef=0.5
                    )
                else:
                    actions = continuous if gaussian else np.abs(obs[:, 0] * 128).astype(np.int64) % 4
                    results = network.actor_epoch(
                        optimiser, 256, obs, actions, old, advantages, clip_range=0.2, entropy_coef=0.01
                    )
                assert results[-1]
                for array in (*results[:-1], *arrays):
                    digest.update(array.tobytes())
    return digest.hexdigest()[:16]


@compiled
@pytest.mark.parametrize("width", [4, 8])
def test_every_width_gives_these_bits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if width not in compiling.this_machine().widths:
        pytest.skip(f"no processor of this kind has vectors of {width} floats")
    loaded = library.load(width)
    monkeypatch.setattr("lander_trainer.learners.kernels.network.load", lambda: loaded)
    assert digest_of_passes() == DIGEST


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["g++", "clang++", "zig"])
def test_every_compiler_gives_these_bits(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = compiling.zig_compiler() if compiler == "zig" else [shutil.which(compiler)]
    if not command or command == [None]:
        pytest.skip(f"{compiler} is not installed")
    target = compiling.this_machine()
    monkeypatch.setattr(library, "LEARNER", compiling.Library("lander_learner", tmp_path))
    for width in target.widths:
        compiling.compile_library(
            target, width, tmp_path / "compiled", command, compiler == "zig", library=LEARNER
        )
        loaded = library.load.__wrapped__(width)
        assert Path(loaded._name).is_relative_to(tmp_path)
        monkeypatch.setattr("lander_trainer.learners.kernels.network.load", lambda it=loaded: it)
        assert digest_of_passes() == DIGEST


# A library that is not there.


def test_a_missing_library_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "LEARNER", compiling.Library("lander_learner", tmp_path))
    with pytest.raises(library.LearnerUnavailable, match=r"is missing.*learners\.kernels\.build"):
        library.load.__wrapped__()
    (tmp_path / "compiled").mkdir()
    name = compiling.library_name(4, compiling.this_machine(), LEARNER)
    (tmp_path / "compiled" / name).write_bytes(b"no library")
    with pytest.raises(library.LearnerUnavailable, match="does not load here"):
        library.load.__wrapped__(4)


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if why_unavailable() is not None:
        pytest.skip(str(why_unavailable()))
    monkeypatch.setattr(library, "INTERFACE_VERSION", 0)
    with pytest.raises(library.LearnerUnavailable, match="another version"):
        library.load.__wrapped__()


def test_a_system_without_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling.platform, "system", lambda: "Plan 9")
    with pytest.raises(library.LearnerUnavailable, match="Plan 9"):
        library.load.__wrapped__()


def test_the_compiled_library_is_not_older_than_its_sources() -> None:
    if why_unavailable() is None:
        assert compiling.older_than_the_sources(library=LEARNER) == []


def test_adam_is_numpys_to_the_last_step() -> None:
    # Many steps, so that the powers of beta vanish.
    values = np.ones(3, np.float32)
    adam = Adam(values, 1e-5)
    if why_unavailable() is not None:
        pytest.skip(str(why_unavailable()))
    optimiser, arrays = optimiser_of(np.ones(3, np.float32), 0.01)
    network = Network([2, 1], "relu")
    obs = np.array([[1.0, -1.0]], np.float32)
    for _ in range(2000):
        old = np.zeros(1, np.float32)
        network.critic_epoch(optimiser, 1, obs, old, old + 5, clip_range=None, value_coef=0.01)
        error = values @ np.array([1, -1, 1], np.float32) - 5
        gradient = np.array([1, -1, 1], np.float32) * error * np.float32(0.01)
        adam.step(gradient * min(1.0, np.float32(0.5) / np.linalg.norm(gradient)), 0.01)
    assert np.allclose(arrays[0], values, atol=1e-3)
    assert abs(values @ np.array([1, -1, 1]) - 5) < 0.1
