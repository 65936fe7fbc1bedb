"""Workers that die lose nothing, and no process is left at the end."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine_helpers import FIRST, Register, assert_same, path_of_workers
from lander_runtime import Policy
from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.evaluation.job import Job
from lander_runtime.evaluation.processes import ProcessEngine
from lander_runtime.workers.remote import WorkerDied


class Failing:
    """An observer that raises at the first episode, or whatever it is given."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def on_episode(self, episode: Episode) -> None:
        raise self._error


def assert_gone(pids: Path) -> None:
    numbers = [int(file.name) for file in pids.iterdir() if int(file.name) != os.getpid()]
    assert numbers, "some process must have been there"
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


# Workers that die


def test_a_worker_killed_in_a_shard_loses_nothing(
    discrete: Policy, importable: Register, tmp_path: Path
) -> None:
    once = tmp_path / "died"
    deadly = importable("DeadlyEnv", seed=FIRST + 20, once=str(once))
    report = evaluate(discrete, deadly, episodes=60, workers=2)
    assert once.exists()
    assert_same([report, evaluate(discrete, deadly, episodes=60)])


def test_workers_killed_from_outside_lose_nothing(
    discrete: Policy, importable: Register, tmp_path: Path
) -> None:
    spec = importable("WanderingEnv", pids=str(tmp_path))
    killed: set[int] = set()

    class Killing:
        def on_episode(self, episode: Episode) -> None:
            if episode.index == 0:
                killed.update(int(file.name) for file in tmp_path.iterdir())
                killed.discard(os.getpid())
                for number in killed:
                    os.kill(number, signal.SIGKILL)

    report = evaluate(discrete, spec, episodes=2000, workers=2, observer=Killing())
    assert killed
    assert {int(file.name) for file in tmp_path.iterdir()} - killed - {os.getpid()}, "no worker replaced them"
    assert_gone(tmp_path)
    assert_same([report, evaluate(discrete, spec, episodes=2000)])


def test_a_shard_that_kills_every_worker_is_an_error(discrete: Policy, importable: Register) -> None:
    deadly = importable("DeadlyEnv", seed=FIRST + 40)
    with pytest.raises(WorkerDied, match=r"ended 3 worker processes .* \(status -9\)") as caught:
        evaluate(discrete, deadly, episodes=90, workers=2)
    first, last = (int(word) for word in str(caught.value).split() if word.isdecimal() and word != "3")
    assert first <= 40 <= last
    assert "fewer workers" in str(caught.value)


def test_an_environment_that_kills_every_worker_that_opens_it_is_refused(
    discrete: Policy, importable: Register
) -> None:
    spec = importable("UnopenableEnv", parent=os.getpid())
    with pytest.raises(WorkerDied, match="ended 3 worker processes"):
        evaluate(discrete, spec, episodes=90, workers=2)


# No process is left


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt()], ids=repr)
def test_an_error_of_the_observer_ends_the_workers(
    discrete: Policy, importable: Register, tmp_path: Path, error: BaseException
) -> None:
    spec = importable("WanderingEnv", pids=str(tmp_path))
    with pytest.raises(type(error)):
        evaluate(discrete, spec, episodes=2000, workers=2, observer=Failing(error))
    assert_gone(tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lander-worker")]


def test_closing_the_iterator_early_ends_the_workers(
    discrete: Policy, importable: Register, tmp_path: Path
) -> None:
    spec = importable("WanderingEnv", pids=str(tmp_path))
    engine = ProcessEngine(3)
    results: Any = engine.run(Job(discrete, spec, FIRST), engine.shards(5000, 32))
    with closing(results):
        assert len(next(results)) == 256
    assert_gone(tmp_path)


def test_a_finished_evaluation_leaves_no_process(
    discrete: Policy, importable: Register, tmp_path: Path
) -> None:
    spec = importable("WanderingEnv", pids=str(tmp_path))
    evaluate(discrete, spec, episodes=40, workers=2)
    assert_gone(tmp_path)


def test_workers_close_their_environments(discrete: Policy, importable: Register, tmp_path: Path) -> None:
    """Some, such as Doom, run a program of their own that only they can end."""
    spec = importable("ClosingEnv", folder=str(tmp_path))
    evaluate(discrete, spec, episodes=40, workers=2)
    assert len({file.name for file in tmp_path.iterdir()} - {str(os.getpid())}) == 2


INTERRUPTED = """
import gymnasium, signal, sys
from pathlib import Path
from lander_runtime import EnvSpec, Policy
from lander_runtime.evaluation.evaluate import evaluate

# A shell makes what it runs in the background, such as all of pytest, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Telling:
    def on_episode(self, episode):
        if episode.index == 0:
            print("running", flush=True)

gymnasium.register("W-v0", entry_point="worker_environments:WanderingEnv")
spec = EnvSpec("W-v0", kwargs={"pids": sys.argv[2]})
evaluate(Policy.load(sys.argv[1], "cpu"), spec, episodes=10**7, workers=2, observer=Telling())
"""


def test_ctrl_c_ends_the_workers(tiny_discrete: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tiny_discrete), str(tmp_path)]
    # A session of its own: Ctrl-C reaches a whole group, and pytest is not meant.
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=path_of_workers(), start_new_session=True
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"running\n"
        os.killpg(parent.pid, signal.SIGINT)
        _, said = parent.communicate(timeout=60)
    finally:
        parent.kill()
        parent.communicate()
    assert parent.returncode == 1, "Python's code for a subclass of KeyboardInterrupt"
    assert said.count(b"Traceback") == 1, said.decode()
    (tmp_path / str(parent.pid)).unlink()
    assert_gone(tmp_path)


OFTEN_INTERRUPTED = """
import random, signal
from contextlib import closing
from lander_runtime import EnvSpec, Policy
from lander_runtime.evaluation import processes
from lander_runtime.evaluation.job import Job
from lander_runtime.evaluation.processes import ProcessEngine

class Quick:
    "Answers in this process: the test is only about how the main thread waits."
    def __init__(self, *arguments): pass
    def send(self, *request): pass
    def receive(self): return []
    def kill(self): pass
    def hang_up(self): pass
    def close(self): pass

class Interrupted(Exception):
    pass

def interrupt(number, frame):
    if running:
        raise Interrupted

processes.RemoteWorker = Quick
job = Job(lambda observations: None, EnvSpec("CartPole-v1"), 0)
running = False
signal.signal(signal.SIGALRM, interrupt)
for attempt in range(1500):
    with closing(ProcessEngine(2).run(job, (range(1) for _ in range(10**9)))) as results:
        next(results)
        try:
            running = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3))
            for shard in results:
                pass
        except Interrupted:
            running = False
print("done")
"""


def test_ctrl_c_at_any_moment_leaves_nothing_locked() -> None:
    """An exception between two steps of a lock of Python's own left it locked, and the program hung."""
    done = subprocess.run(
        [sys.executable, "-c", OFTEN_INTERRUPTED], env=path_of_workers(), capture_output=True, timeout=120
    )
    assert done.stdout == b"done\n", done.stderr.decode()
