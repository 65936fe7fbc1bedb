"""Lanes in this process and in workers: the same results, a state that can be gone back to, no orphans."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.envs.quick import BufferedGenerator, QuickDiscrete
from lander_runtime.errors import EnvironmentFailed, InputRefused, LanderError
from lander_runtime.spec import EnvSpec, WrapperSpec
from lander_runtime.workers.remote import RemoteWorker, WorkerDied
from lander_trainer.backends.gymnasium import GymnasiumBackend
from lander_trainer.backends.lanes import ActionHistory, Lanes, open_lanes

SEED = 7

Register = Callable[..., str]


@pytest.fixture
def walking(register: Register) -> EnvSpec:
    """Ends by itself after some steps that depend on seed and actions, or after 9."""
    return envs.resolve(register("trainer_environments:WalkingEnv", max_episode_steps=9))


@contextmanager
def backend_of(spec: EnvSpec, lanes: int, workers: int, seed: int = SEED) -> Iterator[GymnasiumBackend]:
    backend = GymnasiumBackend(spec, lanes, seed, workers)
    try:
        yield backend
    finally:
        backend.close()


@contextmanager
def remote_of(spec: EnvSpec, lanes: int = 2) -> Iterator[RemoteWorker]:
    remote = RemoteWorker(open_lanes, envs.Registration.of(spec.id), spec, SEED, 0, lanes)
    try:
        remote.receive()
        yield remote
    finally:
        remote.close()


def actions_of(spec: EnvSpec, calls: int, lanes: int, seed: int = 1) -> NDArray[np.int64]:
    """Random actions `[calls, lanes]`."""
    return np.random.default_rng(seed).integers(0, gymnasium.make(spec.id).action_space.n, (calls, lanes))


def run(backend: GymnasiumBackend, actions: NDArray[np.int64]) -> list[NDArray]:
    """Copies of all that the steps gave, one array each."""
    steps = [[part.copy() for part in backend.step(row)] for row in actions]
    return [np.array(column) for column in zip(*steps, strict=True)]


def same(one: list[NDArray], other: list[NDArray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# The number of workers changes nothing.


def test_results_are_those_of_one_process(walking: EnvSpec) -> None:
    found = []
    for workers in (1, 2, 3):
        with backend_of(walking, lanes=5, workers=workers) as backend:
            first = backend.reset().copy()
            steps = run(backend, actions_of(walking, 40, 5))
            state = backend.state()
        found.append([first, *steps, *(state[name] for name in sorted(state))])
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    # Ends of both kinds happened, and rows after them.
    assert found[0][3].any()
    assert found[0][4].any()


def test_wrappers_and_arguments_reach_the_workers() -> None:
    spec = EnvSpec(
        "LunarLander-v3",
        kwargs={"gravity": -5.0},
        wrappers=(WrapperSpec("TimeAwareObservation"),),
        max_episode_steps=50,
    )
    found = []
    for workers in (1, 2):
        with backend_of(spec, lanes=2, workers=workers) as backend:
            found.append([backend.reset().copy(), *run(backend, actions_of(spec, 20, 2))])
    assert same(*found)
    assert found[0][1].shape == (20, 2, 9)


def test_every_episode_has_a_seed_of_its_own(register: Register) -> None:
    class Seeing(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 2e6, (1,), np.float64)
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return np.array([seed], np.float64), {}

        def step(self, action):
            return np.array([0.0]), 0.0, True, False, {}

    lanes = Lanes(envs.resolve(register(Seeing)), SEED, 0, 3)
    seeds = [*lanes.reset()[:, 0]]
    for call in range(20):
        obs = lanes.step(np.zeros(3, np.int64)).obs
        if call % 2:
            seeds += [*obs[:, 0]]
    lanes.close()
    assert len(set(seeds)) == 33
    assert all(0 <= seed < 900_000 for seed in seeds)


# Histories.


@st.composite
def histories(draw: st.DrawFn) -> tuple[ActionHistory, list[int]]:
    """A history, and a way to cut its lanes into groups."""
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    lengths = draw(st.lists(st.integers(0, 5), min_size=sum(counts), max_size=sum(counts)))
    actions = draw(st.lists(st.integers(0, 3), min_size=sum(lengths), max_size=sum(lengths)))
    history = ActionHistory(np.arange(sum(counts)), np.array(lengths, np.int64), np.array(actions, np.int64))
    return history, counts


@given(histories())
def test_joining_is_the_inverse_of_splitting(drawn: tuple[ActionHistory, list[int]]) -> None:
    history, counts = drawn
    parts = history.split(counts)
    assert [len(part.episodes) for part in parts] == counts
    assert all(part.lengths.sum() == len(part.actions) for part in parts)
    joined = ActionHistory.join(parts)
    assert all(np.array_equal(array, getattr(joined, name)) for name, array in vars(history).items())


def test_history_is_split_lane_by_lane() -> None:
    history = ActionHistory(np.array([3, 0, 9]), np.array([2, 0, 1]), np.array([5, 6, 7]))
    one, two = history.split([1, 2])
    assert [array.tolist() for array in vars(one).values()] == [[3], [2], [5, 6]]
    assert [array.tolist() for array in vars(two).values()] == [[0, 9], [0, 1], [7]]


# Going back.


@pytest.mark.parametrize(("workers", "again"), [(1, 1), (1, 3), (3, 1), (2, 3)])
def test_restored_lanes_continue_the_same(walking: EnvSpec, workers: int, again: int) -> None:
    actions = actions_of(walking, 45, 5)
    for calls in (0, 1, 7, 30):
        with backend_of(walking, lanes=5, workers=workers) as backend:
            last = backend.reset()
            if calls:
                last = run(backend, actions[:calls])[0][-1]
            last, state = last.copy(), backend.state()
            expected = run(backend, actions[calls:])
        with backend_of(walking, lanes=5, workers=again, seed=int(state["seed"])) as backend:
            assert np.array_equal(backend.restore(state)[0], last)
            found = run(backend, actions[calls:])
        assert same(found, expected), calls


@pytest.mark.parametrize("env_id", ["CartPole-v1", "LunarLander-v3"])
def test_real_environments_continue_the_same_also_just_after_an_end(env_id: str) -> None:
    spec = envs.resolve(env_id)
    actions = actions_of(spec, 260, 3)
    with backend_of(spec, lanes=3, workers=1) as backend:
        backend.reset()
        saved = []
        expected = []
        for call, row in enumerate(actions):
            result = backend.step(row)
            expected.append([part.copy() for part in result])
            ended = result.terminated | result.truncated
            if (ended.any() and len(saved) < 2) or call == 40:
                saved.append((call, result.obs.copy(), ended, backend.state()))
    assert {bool(ended.any()) for _, _, ended, _ in saved} == {False, True}
    for call, obs, ended, state in saved:
        with backend_of(spec, lanes=3, workers=2) as backend:
            assert same([*backend.restore(state)], [obs, ended])
            for row, parts in zip(actions[call + 1 :], expected[call + 1 :], strict=True):
                assert same([*backend.step(row)], parts)


def test_real_environments_have_quick_parts() -> None:
    lanes = Lanes(envs.resolve("LunarLander-v3"), SEED, 0, 2)
    lanes.reset()
    for env in lanes._envs:
        inner: Any = env.unwrapped
        assert (type(inner.action_space), type(inner.np_random)) == (QuickDiscrete, BufferedGenerator)
    lanes.close()


def test_state_is_not_changed_by_what_follows(walking: EnvSpec) -> None:
    with backend_of(walking, lanes=3, workers=2) as backend:
        backend.reset()
        run(backend, actions_of(walking, 5, 3))
        state = backend.state()
        kept = {name: array.copy() for name, array in state.items()}
        run(backend, actions_of(walking, 20, 3))
    assert all(np.array_equal(state[name], kept[name]) for name in kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"episodes": None},
        {"lengths": None},
        {"actions": None},
        {"episodes": np.zeros(2, np.int64)},
        {"lengths": np.zeros(4, np.int64)},
        {"lengths": np.array([5, 5, -1])},
        {"episodes": np.array([0, -1, 0])},
        {"actions": np.zeros(3, np.int64)},
        {"actions": np.zeros(15, np.float32)},
        {"actions": np.array(1)},
        {"episodes": np.array(1)},
        {"episodes": np.array([0, 2**63, 0], np.uint64)},
        {"lengths": np.array([2**62, 2**62, 15])},
        {"lengths": np.array([2**63, 2**63, 15], np.uint64)},
        {"lengths": np.array([5, 5, 4])},
        {"actions": np.array([0] * 14 + [3])},
        {"actions": np.array([-1] + [0] * 14)},
        {"actions": np.zeros((15, 1), np.int64)},
    ],
    ids=lambda changes: "-".join(f"{name} {value!r}" for name, value in changes.items())[:40],
)
def test_state_that_does_not_fit_is_refused(walking: EnvSpec, changes: dict[str, NDArray | None]) -> None:
    with backend_of(walking, lanes=3, workers=1) as backend:
        backend.reset()
        run(backend, actions_of(walking, 5, 3))
        changed = {name: a for name, a in {**backend.state(), **changes}.items() if a is not None}
        named = "|".join([*changes, "lengths"])
        with pytest.raises(InputRefused, match=rf"state of the environments \(({named})\)"):
            backend.restore(changed)


def test_no_action_is_done_after_an_end() -> None:
    # An episode that lasted longer where it was recorded: here the stick falls before the 50th push.
    state = {"episodes": np.array([0]), "lengths": np.array([50]), "actions": np.ones(50, np.int64)}
    with backend_of(envs.resolve("CartPole-v1"), lanes=1, workers=1) as backend:
        obs, ended = backend.restore(state)
    assert ended.tolist() == [True]
    assert 0.2 < abs(obs[0, 2]) < 0.5


# Processes.


def test_worker_that_does_not_start_leaves_none_behind(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = []

    class Watched(RemoteWorker):
        def __init__(self, *arguments: object) -> None:
            # The third process cannot be started.
            if len(processes) == 2:
                raise OSError("no more processes")
            super().__init__(*arguments)
            processes.append(self._process)

    monkeypatch.setattr("lander_trainer.backends.gymnasium.RemoteWorker", Watched)
    spec = envs.resolve(register("trainer_environments:WalkingEnv"))
    with pytest.raises(OSError, match="no more processes"):
        GymnasiumBackend(spec, 4, SEED, 4)
    assert len(processes) == 2
    # Ended by themselves, or killed where that takes too long on a busy machine.
    assert None not in [process.poll() for process in processes]


def test_worker_does_not_load_pytorch() -> None:
    code = (
        "import sys, lander_runtime.workers.remote;"
        "import lander_trainer.backends.lanes, lander_trainer.learners.numpy_fits;"
        "print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_worker_ends_when_its_pipe_closes(walking: EnvSpec) -> None:
    with remote_of(walking) as remote:
        process = remote._process
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def test_backend_that_is_closed_leaves_no_worker(walking: EnvSpec) -> None:
    with backend_of(walking, lanes=3, workers=3) as backend:
        backend.reset()
        processes = [remote._process for remote in backend._remote]
        assert [process.poll() for process in processes] == [None, None]
    assert len(processes) == 2
    # Ended by themselves, or killed where that takes too long on a busy machine.
    assert None not in [process.poll() for process in processes]


PARENT = """
import sys
import numpy as np
from lander_runtime import envs
from lander_trainer.backends.gymnasium import GymnasiumBackend
backend = GymnasiumBackend(envs.resolve("CartPole-v1"), 4, 1, 3)
backend.reset()
print(*(remote._process.pid for remote in backend._remote), flush=True)
if sys.argv[1] == "busy":
    while True:
        backend.step(np.zeros(4, np.int64))
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_workers_of_a_killed_trainer_end_silently(state: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert parent.stdout is not None
    workers = [int(number) for number in parent.stdout.readline().split()]
    assert len(workers) == 2
    try:
        parent.kill()
        # Both workers have the parent's stderr, so it only ends when the last of them is gone.
        _, errors = parent.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        raise
    assert errors == b""


def test_signals_to_the_trainers_group_do_not_reach_the_workers(walking: EnvSpec) -> None:
    # `timeout` and Ctrl-C signal a whole group, a service manager even every process of the service;
    # the trainer still has an update to finish.
    with remote_of(walking) as remote:
        assert os.getpgid(remote._process.pid) != os.getpgrp()
        remote._process.send_signal(signal.SIGTERM)
        remote.send("reset")
        assert remote.receive().shape == (2, 2)


def test_worker_that_was_killed_is_reported(walking: EnvSpec) -> None:
    with remote_of(walking) as remote:
        remote._process.kill()
        remote._process.wait()
        remote.send("reset")
        with pytest.raises(WorkerDied, match=r"worker process ended unexpectedly \(status -9\)"):
            remote.receive()


# What environments do.


def test_environments_error_arrives_with_its_place(register: Register) -> None:
    spec = envs.resolve(register("trainer_environments:FragileEnv"))
    with backend_of(spec, lanes=2, workers=2) as backend:
        backend.reset()
        backend.step(np.array([0, 1]))
        expected = r"raised ArithmeticError in step 2 of the episode of seed \d+: the mast is broken\."
        with pytest.raises(EnvironmentFailed, match=expected) as caught:
            backend.step(np.array([0, 2]))
        assert "trainer_environments.py" in "".join(caught.value.__notes__)
        # The worker is still there, only that episode is not.
        assert backend._remote[0]._process.poll() is None


def test_own_errors_arrive_as_themselves(register: Register) -> None:
    spec = envs.resolve(register("trainer_environments:WalkingEnv"))
    with remote_of(spec) as remote:
        remote.send(
            "open",
            open_lanes.__module__,
            open_lanes.__name__,
            envs.Registration.of(spec.id),
            EnvSpec("Nothing-v0"),
            SEED,
            0,
            1,
        )
        with pytest.raises(LanderError, match="Nothing-v0"):
            remote.receive()


def test_what_environments_print_does_not_disturb(
    register: Register, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"max_episode_steps": 9}
    quiet, loud = (
        envs.resolve(register(f"trainer_environments:{name}", **options))
        for name in ("WalkingEnv", "ChattyEnv")
    )
    found = []
    for spec in (quiet, loud):
        with backend_of(spec, lanes=3, workers=3) as backend:
            found.append([backend.reset().copy(), *run(backend, actions_of(quiet, 30, 3))])
    assert same(*found)
    # It is not lost either: a worker's goes to stderr.
    assert "straight into the descriptor" in capfd.readouterr().err


def test_module_beside_the_script_is_found_by_the_workers(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from trainer_environments import WalkingEnv\nclass Own(WalkingEnv):\n    pass\n"
    (tmp_path / "own_environment.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    spec = envs.resolve(register("own_environment:Own"))
    with backend_of(spec, lanes=2, workers=2) as backend:
        assert backend.reset().shape == (2, 2)
