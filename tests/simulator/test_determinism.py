"""The same bits from every compiler, and from every machine: a flight's digest stands in this file."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_simulator import LunarLanderBatch, build, library

DIGEST = "121eb002c0309c0930438dfaa4765653330fb00b8847027f18f82a0d3a41c9be"
"""Of `flight()` below; a change to the physics changes it, another machine or compiler must not."""


def flight(width: int | None = None) -> str:
    digest = hashlib.sha256()
    for settings in ({}, {"enable_wind": True}, {"continuous": True, "gravity": -7.0}):
        lanes = 13
        batch = LunarLanderBatch(lanes, width=width, max_episode_steps=300, **settings)
        digest.update(batch.reset(list(range(lanes))).tobytes())
        rng = np.random.default_rng(0)
        for t in range(500):
            if t % 9 == 0:
                action = actions(rng, lanes, bool(settings.get("continuous")))
            for array in batch.step(action):
                digest.update(array.tobytes())
        digest.update(batch.state().tobytes())
    return digest.hexdigest()


def actions(rng: np.random.Generator, lanes: int, continuous: bool) -> NDArray[Any]:
    if continuous:
        return rng.uniform(-1, 1, (lanes, 2)).astype(np.float32)
    return rng.choice(4, lanes, p=[0.35, 0.1, 0.45, 0.1])


@pytest.mark.parametrize("width", library.WIDTHS)
def test_the_digest_of_a_flight(width: int) -> None:
    try:
        library.load(width)
    except library.SimulatorUnavailable as error:
        pytest.skip(str(error))
    assert flight(width) == DIGEST


def compilers() -> list[str]:
    found = [name for name in ("g++", "clang++") if shutil.which(name)]
    return [*found, "zig"] if importlib.util.find_spec("ziglang") else found


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["g++", "clang++", "zig"])
def test_every_compiler_gives_these_bits(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiler not in compilers():
        pytest.skip(f"{compiler} is not installed")
    target = build.this_machine()
    command = build.zig_compiler() if compiler == "zig" else [compiler]
    for width in target.widths:
        build.compile_library(target, width, tmp_path, command, compiler == "zig")
    monkeypatch.setattr(library, "COMPILED", tmp_path)
    library.load.cache_clear()
    library._load.cache_clear()
    try:
        for width in target.widths:
            loaded = library.load(width)
            assert isinstance(loaded, ctypes.CDLL)
            assert Path(loaded._name).parent == tmp_path
            assert flight(width) == DIGEST
    finally:
        library.load.cache_clear()
        library._load.cache_clear()
