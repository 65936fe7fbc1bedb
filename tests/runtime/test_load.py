"""A policy under load: shared by many threads, and opened many times."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import Policy

THREADS = 100
LOADS = 2_000


def test_a_hundred_threads_share_a_policy(discrete: Policy) -> None:
    """Each acts on observations of its own, all at once, and gets what it gets alone."""
    batches = np.random.default_rng(3).standard_normal((THREADS, 20, 8)).astype(np.float32)
    expected = [discrete.act(batch) for batch in batches]
    barrier = threading.Barrier(THREADS)

    def act(number: int) -> list[Any]:
        barrier.wait()
        return [discrete.act(obs) for obs in batches[number]]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(act, range(THREADS)))
    assert found == [actions.tolist() for actions in expected]


def test_two_thousand_loads_keep_no_memory(tiny_discrete: Path) -> None:
    """After the first fifth, in which arenas and caches fill, memory stays."""
    sizes = []
    for number in range(LOADS):
        Policy.load(tiny_discrete, "cpu")
        if number % (LOADS // 5) == LOADS // 5 - 1:
            gc.collect()
            sizes.append(resident())
    # A leaked session would be some 100 kB, 160 MB in all.
    assert sizes[-1] - sizes[0] < 10e6, sizes


def resident() -> float:
    """Bytes of this process in RAM."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux says how much memory a process has now")
    return int(statm.read_text().split()[1]) * 4096.0
