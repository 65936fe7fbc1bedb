"""A lander in Gymnasium and the same one in the simulator, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from lander_simulator import STATE, LunarLanderBatch, build, why_unavailable

POLICY = Path(__file__).parents[2] / "models" / "lunarlander-v3" / "policy.onnx"

Array = NDArray[Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_unavailable()
    if reason is None and (old := build.older_than_the_sources()):
        raise pytest.UsageError(f"{old} are older than the sources: `python -m lander_simulator.build`")
    if reason is not None:
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents and item.path.name != "test_library.py":
                item.add_marker(pytest.mark.skip(reason=reason))


class Pair:
    """One lander in both worlds, begun with the same seed."""

    STANDING = 0.66
    """How high above the ground the hull's origin is when the lander stands on it."""

    def __init__(self, seed: int = 3, **settings: Any) -> None:
        self.env = gym.make("LunarLander-v3", **settings)
        self.world: Any = self.env.unwrapped
        self.batch = LunarLanderBatch(1, **settings)
        self.first = self.env.reset(seed=seed)[0], self.batch.reset([seed])[0]

    def unfold(self) -> None:
        """Falls until the legs lie against their limits and the motors press with all they have."""
        for _ in range(45):
            self.step(np.zeros(2, np.float32) if self.batch.continuous else 0)

    def terrain(self, heights: list[float]) -> None:
        """Other ground in both worlds, eleven heights at x = 0, 2, ..., 20."""
        moon = self.world.moon
        for fixture in list(moon.fixtures)[1:]:  # the first is the base line
            moon.DestroyFixture(fixture)
        for i in range(10):
            ends = [(2 * i, heights[i]), (2 * i + 2, heights[i + 1])]
            moon.CreateEdgeFixture(vertices=ends, density=0, friction=0.1)
        state = self.batch.state()
        state["heights"][0] = heights
        self.batch.restore(state)

    def place(
        self,
        x: float,
        y: float,
        angle: float = 0.0,
        velocity: tuple[float, float] = (0.0, 0.0),
        spread: float = 0.37,
    ) -> None:
        """The hull's origin at (x, y), each leg turned outwards by `spread`, everything at one velocity."""
        state = self.batch.state()
        bodies = [self.world.lander, *self.world.legs]
        poses = [(x, y, angle)]
        for side in (-1, 1):
            turn = angle - side * spread
            anchor = np.array([side * 20 / 30, 18 / 30])
            rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            poses.append((*(np.array([x, y]) - rotation @ anchor), turn))
        for i, (body, pose) in enumerate(zip(bodies, poses, strict=True)):
            body.transform = ((float(pose[0]), float(pose[1])), float(pose[2]))
            body.linearVelocity, body.angularVelocity = velocity, 0.0
            record = state["bodies"][0, i]
            record["x"], record["y"] = body.worldCenter
            record["angle"] = body.angle
            record["velocity_x"], record["velocity_y"], record["spin"] = *velocity, 0.0
        self.batch.restore(state)

    def step(
        self, action: Any = 0
    ) -> tuple[tuple[Array, float, bool, bool], tuple[Array, float, bool, bool]]:
        """One step of both: (observation, reward, terminated, truncated), Gymnasium's first."""
        observation, reward, terminated, truncated, _ = self.env.step(action)
        given = np.array([action])
        ours = self.batch.step(given)
        return (observation, float(reward), terminated, truncated), (
            ours.observations[0],
            float(ours.rewards[0]),
            bool(ours.terminated[0]),
            bool(ours.truncated[0]),
        )

    def run(self, steps: int, action: Any = 0) -> tuple[Array, Array, list[int], list[float]]:
        """Both until either ends: observations [T, 8] of each, lengths and last rewards (0 for no end)."""
        seen: tuple[list[Array], list[Array]] = ([], [])
        lengths, last = [0, 0], [0.0, 0.0]
        for t in range(1, steps + 1):
            results = self.step(action)
            for i, (observation, reward, terminated, truncated) in enumerate(results):
                seen[i].append(observation)
                if terminated or truncated:
                    lengths[i], last[i] = t, reward
            if any(lengths):
                break
        return np.array(seen[0]), np.array(seen[1]), lengths, last


@pytest.fixture
def pair() -> type[Pair]:
    return Pair


class Flights:
    """Episodes that the shipped policy flew in Gymnasium, and the simulator with the same actions."""

    def __init__(self, seeds: range) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(POLICY), options)
        env = gym.make("LunarLander-v3")
        self.seeds = seeds
        self.observations: list[Array] = []
        self.actions: list[Array] = []
        self.rewards: list[Array] = []
        for seed in seeds:
            observation, _ = env.reset(seed=seed)
            seen, actions, rewards, over = [observation], [], [], False
            while not over:
                action = int(session.run(["action"], {"obs": observation[None]})[0][0])
                observation, reward, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                seen.append(observation)
                actions.append(action)
                rewards.append(reward)
            self.observations.append(np.array(seen))
            self.actions.append(np.array(actions))
            self.rewards.append(np.array(rewards))

    def lengths(self) -> Array:
        return np.array([len(actions) for actions in self.actions])

    def replay(self) -> tuple[Array, Array]:
        """Observations [episode, T + 1, 8] of the simulator, NaN past an episode's end, and the lengths.

        An episode that goes on when Gymnasium's has ended counts one step more.
        """
        longest = int(self.lengths().max())
        batch = LunarLanderBatch(len(self.seeds))
        seen = np.full((len(self.seeds), longest + 1, 8), np.nan, np.float32)
        seen[:, 0] = batch.reset(list(self.seeds))
        lengths = np.zeros(len(self.seeds), int)
        for t in range(1, longest + 1):
            step = batch.step(
                np.array([actions[t - 1] if t <= len(actions) else 0 for actions in self.actions])
            )
            running = lengths == 0
            seen[running, t] = step.observations[running]
            ended = running & (step.terminated | step.truncated)
            lengths[ended] = t
            lengths[running & ~ended & (self.lengths() <= t)] = t + 1
        return seen, lengths


@pytest.fixture(scope="session")
def flights() -> Flights:
    return Flights(range(5000, 5060))


@pytest.fixture(scope="session")
def fly() -> Any:
    """`fly(batch, actions)`: every observation, reward and flag of a flight, as bytes."""

    def run(batch: LunarLanderBatch, actions: Array, seeds: list[int] | None = None) -> bytes:
        parts = [] if seeds is None else [batch.reset(seeds).tobytes()]
        for action in actions:
            parts += [array.tobytes() for array in batch.step(action)]
        return b"".join([*parts, np.ascontiguousarray(batch.state(), STATE).tobytes()])

    return run
