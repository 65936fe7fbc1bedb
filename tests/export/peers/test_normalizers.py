"""Statistics of observations: from VecNormalize's pickle, which is never run, .npz files, checkpoints."""

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
import torch

from lander_export.peers.inert.pickle_opcodes import read_inert
from lander_export.peers.inert.vecnormalize import read_vecnormalize
from lander_export.peers.normalizers import checkpoint_normalizer, normalizer_names, read_normalizer
from lander_export.peers.peer import PeerOptions
from lander_runtime.errors import InputRefused, UsageError

SEED = 3


@pytest.fixture(scope="session")
def pickled(sb3: Path) -> bytes:
    return (sb3 / "vecnormalize-Pendulum.pkl").read_bytes()


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
    assert read_normalizer(PeerOptions(normalizer=str(tmp_path / "v.pkl"))) is None


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


def npz(path: Path, **arrays: Any) -> PeerOptions:
    np.savez_compressed(path, **arrays)
    return PeerOptions(normalizer=str(path))


def test_mean_and_variance_of_an_npz_file(tmp_path: Path) -> None:
    options = npz(tmp_path / "n.npz", mean=np.array([1.0, 2.0]), var=np.array([4.0, 9.0]), epsilon=0.0)
    normalizer = read_normalizer(options)
    assert normalizer is not None
    assert normalizer.deviation.tolist() == [2.0, 3.0]
    assert normalizer.clip == 10.0
    assert "epsilon 0, clipped to 10" in normalizer.words


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"mean": np.zeros(2)}, "expected the arrays mean and var; found mean"),
        ({"mean": np.zeros(2), "var": np.ones(3)}, "do not fit together"),
        ({"mean": np.zeros(2), "var": np.array([1.0, np.nan])}, "not finite"),
        ({"mean": np.zeros(2), "var": np.array([1.0, -1.0])}, "below zero"),
        ({"mean": np.zeros(2), "var": np.zeros(2), "epsilon": 0.0}, "--normalizer-epsilon"),
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
        read_normalizer(PeerOptions(normalizer=str(tmp_path / "n.npz")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no such file"):
        read_normalizer(PeerOptions(normalizer=str(tmp_path / "n.npz")))


def test_epsilon_and_clip_can_be_given(tmp_path: Path) -> None:
    npz(tmp_path / "n.npz", mean=np.zeros(1), var=np.ones(1))
    path = str(tmp_path / "n.npz")
    given = read_normalizer(PeerOptions(normalizer=path, normalizer_epsilon=3.0, normalizer_clip=2.0))
    assert given is not None
    assert (given.deviation.tolist(), given.clip) == ([2.0], 2.0)
    for wrong in ({"normalizer_epsilon": -1.0}, {"normalizer_clip": 0.0}, {"normalizer_clip": float("nan")}):
        with pytest.raises(UsageError, match="A normaliser needs"):
            read_normalizer(PeerOptions(normalizer=path, **wrong))


# Checkpoints. The variance is 4; by hand with each library's formula.


@pytest.mark.parametrize(
    ("names", "deviation", "clip"),
    [
        (("obs_rms.mean", "obs_rms.var"), (4.0 + 1e-8) ** 0.5, 10.0),
        (("running_mean_std.running_mean", "running_mean_std.running_var"), (4.0 + 1e-5) ** 0.5, 5.0),
        (("running_mean", "running_variance"), 2.0 + 1e-8, 5.0),
        (("actor_obs_normalizer._mean", "actor_obs_normalizer._var"), 2.0 + 1e-2, None),
        (("obs_norm_state_dict._mean", "obs_norm_state_dict._var"), 2.0 + 1e-2, None),
    ],
)
def test_every_library_normalises_in_its_own_way(
    names: tuple[str, str], deviation: float, clip: float | None
) -> None:
    tensors = {names[0]: torch.ones(1, 2), names[1]: torch.full((1, 2), 4.0)}
    assert normalizer_names(tensors) == list(names)
    normalizer = checkpoint_normalizer(tensors, PeerOptions(), "a.pth")
    assert normalizer.deviation.tolist() == pytest.approx([deviation, deviation], rel=1e-12)
    assert (normalizer.mean.tolist(), normalizer.clip) == ([1.0, 1.0], clip)


@pytest.mark.parametrize(
    "name",
    [
        "obs_rms.mean", "module.obs_rms.var", "ob_rms.mean", "running_mean", "running_var", "normalizer.mean",
        "obs_normalizer._std", "actor_obs_normalizer.count", "input_normalizer.mean",
        "running_mean_std.count",
        "state_normalizer.mean", "normalization.mean", "observation_normalizer.mean", "obs_norm.mean",
        "mean", "var", "_mean", "obs_mean", "state_std", "scaler.mean", "scaler.var",
    ],
)  # fmt: skip
def test_names_of_statistics(name: str) -> None:
    assert normalizer_names({name: None}) == [name]


@pytest.mark.parametrize(
    "name", ["critic_obs_normalizer._mean", "value_rms.mean", "ret_rms.var", "critic.0.weight"]
)
def test_names_of_what_does_not_act(name: str) -> None:
    assert normalizer_names({name: None}) == []


def test_two_normalisers_are_not_guessed_between() -> None:
    tensors = {f"{name}.{part}": torch.ones(2) for name in ("a_rms", "b_rms") for part in ("mean", "var")}
    with pytest.raises(InputRefused, match="expected one mean with its variance"):
        checkpoint_normalizer(tensors, PeerOptions(), "a.pth")
