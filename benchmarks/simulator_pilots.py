"""The policies that fly in both worlds of `simulator_fidelity.py`.

Separate because each decides from arrays alone: the draws of the random ones follow from the episode's seed
and the step, so that they are the same in both worlds.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

POLICY = Path(__file__).parents[1] / "models" / "lunarlander-v3" / "policy.onnx"

Array = NDArray[Any]


@dataclass(frozen=True)
class Pilot:
    """A policy: its name, and `act(observations [n, 8], seeds [n], step)`, integers or floats [n, 2]."""

    name: str
    act: Callable[[Array, Array, int], Array]
    continuous: bool = False
    sha256: str | None = None
    """Of its file, if it has one."""


def pilots(names: list[str], files: list[str], continuous: bool) -> list[Pilot]:
    """The policies asked for, those that act as the world takes it."""
    if continuous:
        made = [Pilot("heuristic", heuristic_continuous, True), Pilot("random", random_continuous, True)]
    else:
        shipped = onnx_pilot("shipped", POLICY)
        made = [shipped, noisy(shipped), Pilot("heuristic", heuristic), Pilot("random", random_discrete)]
    chosen = [pilot for pilot in made if pilot.name in names]
    given = [onnx_pilot(name, Path(path)) for name, path in (file.split("=", 1) for file in files)]
    return chosen + [pilot for pilot in given if pilot.continuous == continuous]


def onnx_pilot(name: str, path: Path) -> Pilot:
    """A policy from its file, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    return Pilot(
        name,
        lambda obs, seeds, t: session.run(["action"], {"obs": obs.astype(np.float32)})[0],
        continuous="float" in session.get_outputs()[0].type,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def uniform(seeds: Array, t: int, draws: int = 1) -> Array:
    """Numbers in [0, 1) [n, draws] that follow from the episode's seed and the step: the same in both worlds.

    SplitMix64 (Steele, Lea and Flood, 2014).
    """
    columns = []
    for draw in range(draws):
        z = seeds.astype(np.uint64) * np.uint64(4096) + np.uint64(2 * t + draw)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        columns.append(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)
    return np.stack(columns, 1)


def random_discrete(observations: Array, seeds: Array, t: int) -> Array:
    """Any of the four actions."""
    return (4 * uniform(seeds, t)[:, 0]).astype(np.int64)


def random_continuous(observations: Array, seeds: Array, t: int) -> Array:
    """Anything in [-1, 1] for both engines."""
    return (2 * uniform(seeds, t, 2) - 1).astype(np.float32)


def noisy(pilot: Pilot, share: float = 0.45) -> Pilot:
    """A poor policy: `share` of its actions are random. The shipped one makes about 0 so."""

    def act(observations: Array, seeds: Array, t: int) -> Array:
        draws = uniform(seeds, t, 2)
        return np.where(
            draws[:, 0] < share, (4 * draws[:, 1]).astype(np.int64), pilot.act(observations, seeds, t)
        )

    return Pilot("noisy", act, sha256=pilot.sha256)


def intentions(observations: Array) -> tuple[Array, Array]:
    """What Gymnasium's `heuristic` wants to do about angle and height."""
    x, y, vx, vy, angle, spin, left, right = observations.T
    target = np.clip(0.5 * x + vx, -0.4, 0.4)
    standing = (left > 0) | (right > 0)
    turn = np.where(standing, 0.0, (target - angle) * 0.5 - spin)
    lift = np.where(standing, -0.5 * vy, (0.55 * np.abs(x) - y) * 0.5 - vy * 0.5)
    return turn, lift


def heuristic(observations: Array, seeds: Array, t: int) -> Array:
    """Gymnasium's own heuristic, for many observations at once."""
    turn, lift = intentions(observations)
    sideways = np.where(turn < -0.05, 3, np.where(turn > 0.05, 1, 0))
    return np.where((lift > np.abs(turn)) & (lift > 0.05), 2, sideways)


def heuristic_continuous(observations: Array, seeds: Array, t: int) -> Array:
    """The same with throttles."""
    turn, lift = intentions(observations)
    return np.clip(np.stack([lift * 20 - 1, -turn * 20], 1), -1, 1).astype(np.float32)
