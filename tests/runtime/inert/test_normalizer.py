"""Statistics of observations: from VecNormalize's pickle, which is never run, and from .npz files."""

import _codecs
import io
import pickle
import pickletools
import random
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.inert.normalizer import read_normalizer
from lander_runtime.inert.pickle_opcodes import read_inert
from lander_runtime.inert.vecnormalize import read_vecnormalize

DATA = Path(__file__).parents[2] / "data"
SEED = 3


@pytest.fixture(scope="session")
def pickled() -> bytes:
    return (DATA / "sb3" / "vecnormalize-Pendulum.pkl").read_bytes()


# VecNormalize.


def test_statistics_are_those_of_the_pickle(pickled: bytes) -> None:
    read = read_vecnormalize(pickled, "v.pkl")
    assert read.mean.shape == read.variance.shape == (3,)
    # Pendulum's cosine and sine, and its speed: 48 steps of one episode.
    assert np.all(np.abs(read.mean[:2]) <= 1.0)
    assert np.all(read.variance > 0.0)
    assert (read.epsilon, read.clip, read.used) == (1e-8, 3.0, True)
    # The doubles stand in the file as they are.
    assert read.mean.tobytes() in pickled


class Statistics:
    """Stands for RunningMeanStd."""


class VecNormalize:
    """Stands for Stable-Baselines3's."""


Statistics.__module__, Statistics.__qualname__ = "stable_baselines3.common.running_mean_std", "RunningMeanStd"
VecNormalize.__module__ = "stable_baselines3.common.vec_env.vec_normalize"


def as_pickle(protocol: int, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> bytes:
    """What VecNormalize's `save` writes in this protocol."""
    import sys
    import types

    for kind, name in ((Statistics, "RunningMeanStd"), (VecNormalize, "VecNormalize")):
        module = types.ModuleType(kind.__module__)
        setattr(module, name, kind)
        for parent in ("stable_baselines3", "stable_baselines3.common", "stable_baselines3.common.vec_env"):
            monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
        monkeypatch.setitem(sys.modules, kind.__module__, module)
    statistics, made = Statistics(), VecNormalize()
    vars(statistics).update(mean=np.arange(3.0), var=np.arange(1.0, 4.0), count=7.0)
    vars(made).update(
        {"obs_rms": statistics, "epsilon": 1e-6, "clip_obs": np.float64(4.0), "norm_obs": True, **changes}
    )
    return pickle.dumps(made, protocol)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle_is_read(protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_vecnormalize(as_pickle(protocol, monkeypatch), "v.pkl")
    assert (read.mean.tolist(), read.variance.tolist()) == ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
    assert (read.epsilon, read.clip) == (1e-6, 4.0)


def test_an_ordered_dict_is_read_as_a_dict() -> None:
    # The spaces of a VecNormalize over dictionaries are in one.
    content = pickle.dumps(OrderedDict(vec=1), 4)
    assert read_inert(content, lambda name: name == "collections.OrderedDict", "a.pkl") == {"vec": 1}


def test_rewards_alone_leave_observations_as_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "v.pkl").write_bytes(as_pickle(4, monkeypatch, norm_obs=False))
    assert read_normalizer(tmp_path / "v.pkl") is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"obs_rms": {}}, "dictionaries of observations"),
        ({"obs_rms": 3}, "no statistics"),
        ({"epsilon": "small"}, "epsilon: expected a number"),
        ({"clip_obs": None}, "clip_obs: expected a number"),
    ],
)
def test_other_content_is_refused(
    changes: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputRefused, match=reason):
        read_vecnormalize(as_pickle(4, monkeypatch, **changes), "v.pkl")


class Call:
    """Pickled, it is a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def test_a_text_that_doubles_sixty_times_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object in a tuple twice takes two bytes of a pickle; as text it is there twice."""
    nested: Any = None
    for _ in range(60):
        nested = (nested, nested)
    scalar = np.float64(1).__reduce__()[0]
    number = Call(scalar, np.dtype("<f8"), Call(_codecs.encode, nested, "latin1"))
    content = as_pickle(4, monkeypatch, epsilon=number)
    assert len(content) < 2000
    with pytest.raises(InputRefused, match=r"v\.pkl: a damaged pickle"):
        read_vecnormalize(content, "v.pkl")


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    content = pickle.dumps(Bomb(tmp_path / "exploded"), protocol)
    with pytest.raises(InputRefused):
        read_vecnormalize(content, "v.pkl")
    assert not (tmp_path / "exploded").exists()
    pickle.loads(content)  # Without this the lines above would show nothing.
    assert (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"\x80\x04.", id="nothing on the stack"),
        pytest.param(b"\x80\x04N", id="no end"),
        pytest.param(b"\x80\x04}}K\x01s.", id="a dict for a key"),
        pytest.param(b"\x80\x04(.", id="a mark for a result"),
        pytest.param(b"\x80\x04h\x05.", id="a memo that is not there"),
        pytest.param(b"\x80\x04" + b"(" * 300_000 + b".", id="many opcodes"),
        pytest.param(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", id="bytes without end"),
        pytest.param(b"Pfile\n.", id="a persistent id"),
        pytest.param(pickle.dumps([1, 2]), id="a list"),
        pytest.param(pickle.dumps(OrderedDict(a=1)), id="an ordered dict"),
    ],
)
def test_what_is_no_pickle_of_statistics_is_refused(content: bytes) -> None:
    with pytest.raises(InputRefused):
        read_vecnormalize(content, "v.pkl")


def test_damaged_pickles_are_read_or_refused_and_never_run(
    pickled: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    opcodes = [opcode.code.encode("latin1")[0] for opcode in pickletools.opcodes]
    generator = random.Random(SEED)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(pickled)
        for _ in range(generator.choice([1, 1, 2, 10])):
            byte = generator.choice([generator.randrange(256), generator.choice(opcodes)])
            damaged[generator.randrange(len(damaged))] = byte
        if generator.random() < 0.2:
            del damaged[generator.randrange(len(damaged)) :]
        try:
            read_vecnormalize(bytes(damaged), "v.pkl")
        except InputRefused:
            refused += 1
    assert refused > 1000


# Files of arrays.


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_mean_and_variance_of_an_npz_file(tmp_path: Path) -> None:
    path = npz(tmp_path / "n.npz", mean=np.array([1.0, 2.0]), var=np.array([4.0, 9.0]), epsilon=0.0)
    normalizer = read_normalizer(path)
    assert normalizer is not None
    assert normalizer.deviation.tolist() == [2.0, 3.0]
    assert normalizer.clip == 10.0
    assert normalizer.in_words == "epsilon 0, clipped to 10"


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"mean": np.zeros(2)}, "expected the arrays mean and var; found mean"),
        ({"mean": np.zeros(2), "var": np.ones(3)}, "do not fit together"),
        ({"mean": np.zeros(2), "var": np.array([1.0, np.nan])}, "not finite"),
        ({"mean": np.zeros(2), "var": np.array([1.0, -1.0])}, "below zero"),
        ({"mean": np.zeros(2), "var": np.zeros(2), "epsilon": 0.0}, "--normalizer-epsilon"),
        ({"mean": np.zeros(2), "var": np.ones(2), "epsilon": -5.0}, "epsilon from 0 .* found -5.0"),
        ({"mean": np.zeros(2), "var": np.ones(2), "clip": np.nan}, "clip above 0; .* nan"),
        ({"mean": np.array(["a", "b"]), "var": np.ones(2)}, "not an array of numbers"),
        ({"mean": np.array([None, None]), "var": np.ones(2)}, "not an array of numbers"),
    ],
)
def test_statistics_that_cannot_be_are_refused(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=reason):
        read_normalizer(npz(tmp_path / "n.npz", **arrays))


def test_an_array_that_says_it_is_large_takes_no_memory(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(tmp_path / "n.npz", "w") as archive:
        archive.writestr("mean.npy", stream.getvalue())
    with pytest.raises(InputRefused, match="not an array of numbers"):
        read_normalizer(tmp_path / "n.npz")


@pytest.mark.parametrize("content", [b"mean,var", b"\x93NUMPY\x01\x00", b"\x08\x08"])
def test_another_kind_of_file_is_refused_with_what_was_expected(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "n").write_bytes(content)
    with pytest.raises(InputRefused, match=r"expected an \.npz with mean and var, or a pickle"):
        read_normalizer(tmp_path / "n")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"n\.npz does not exist"):
        read_normalizer(tmp_path / "n.npz")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n").touch()
    with pytest.raises(InputRefused, match="n is empty"):
        read_normalizer(tmp_path / "n")


def test_epsilon_and_clip_can_be_given(tmp_path: Path) -> None:
    path = npz(tmp_path / "n.npz", mean=np.zeros(1), var=np.ones(1))
    given = read_normalizer(path, 3.0, 2.0)
    assert given is not None
    assert (given.deviation.tolist(), given.clip) == ([2.0], 2.0)
    for wrong in ({"epsilon": -1.0}, {"clip": 0.0}, {"clip": float("nan")}):
        with pytest.raises(UsageError, match="A normaliser needs"):
            read_normalizer(path, **wrong)
