"""The same report with every engine, wherever it runs."""

import copy
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from engine_helpers import FIRST, Register, assert_same, path_of_workers
from lander_runtime import EnvironmentFailed, EnvSpec, LanderError, Policy, UsageError
from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.evaluation.engine import cut
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.evaluation.job import Job
from lander_runtime.evaluation.local import LocalEngine
from lander_runtime.evaluation.processes import ProcessEngine
from worker_environments import second


@dataclass(frozen=True)
class Cutting(ProcessEngine):
    """Two processes with shards of this size."""

    size: int = 1
    _workers: int = 2

    def shards(self, episodes: int, lanes: int) -> Iterator[range]:
        yield from cut(episodes, self.size)


# One report


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_workers_and_lanes_do_not_change_a_report(
    kind: str, importable: Register, sampled: bool, request: pytest.FixtureRequest
) -> None:
    policy = request.getfixturevalue(kind)
    spec = importable("WanderingEnv", continuous=kind == "continuous")
    reports = [
        evaluate(policy, spec, episodes=70, sampled=sampled, workers=workers, lanes=lanes)
        for workers, lanes in [(1, 32), (1, 8), (1, 1), (2, 32), (3, 8), (3, 1)]
    ]
    assert len(set(reports[0].results.lengths)) > 5
    assert_same(reports)
    engines = [report.execution.engine for report in reports]
    assert engines == ["1 process"] * 3 + ["2 processes"] + ["3 processes"] * 2


@pytest.mark.parametrize("sampled", [False, True])
def test_workers_and_lanes_do_not_change_landings(discrete: Policy, sampled: bool) -> None:
    """Box2D worlds that were used before, in other processes and after other episodes."""
    reports = [
        evaluate(discrete, episodes=36, sampled=sampled, workers=workers, lanes=lanes)
        for workers, lanes in [(1, 1), (1, 8), (2, 32), (3, 8)]
    ]
    assert_same(reports)
    assert len(reports[0].sha256) == 64


def test_the_same_evaluation_again_has_the_same_digest_and_another_has_not(discrete: Policy) -> None:
    first, again = evaluate(discrete, episodes=4), evaluate(discrete, episodes=4)
    assert first.sha256 == again.sha256 == again.to_json()["report_sha256"]
    assert evaluate(discrete, episodes=4, first_seed=5).sha256 != first.sha256
    assert evaluate(discrete, episodes=4, sampled=True).sha256 != first.sha256


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_the_size_of_shards_does_not_change_a_report(
    discrete: Policy, importable: Register, size: int
) -> None:
    spec = importable("WanderingEnv")
    assert_same(
        [
            evaluate(discrete, spec, episodes=50, engine=Cutting(size=size)),
            evaluate(discrete, spec, episodes=50),
        ]
    )


@pytest.mark.parametrize("engine", [LocalEngine(), ProcessEngine(2)], ids=lambda engine: engine.description)
def test_shards_in_any_order_are_the_same_episodes(
    discrete: Policy, importable: Register, engine: LocalEngine | ProcessEngine
) -> None:
    job = Job(discrete, importable("WanderingEnv"), FIRST, sampled=True, lanes=5)
    shards = [range(start, start + 9) for start in range(0, 54, 9)]
    finished = {}
    for order in (shards, shards[::-1], [shards[4], shards[1], shards[3]]):
        for shard, episodes in zip(order, engine.run(job, order), strict=True):
            assert [episode.index for episode in episodes] == list(shard)
            for episode in episodes:
                assert episode.seed == FIRST + episode.index
                assert finished.setdefault(episode.index, episode) == episode


def test_observers_get_every_episode_in_order_with_its_trajectory(
    discrete: Policy, importable: Register
) -> None:
    spec = importable("WanderingEnv")
    collected: dict[int, list[Episode]] = {1: [], 2: []}

    class Collector:
        def __init__(self, workers: int) -> None:
            self.workers = workers

        def on_episode(self, episode: Episode) -> None:
            collected[self.workers].append(episode)

    for workers in collected:
        keep = Keep(actions=True, observations=True)
        evaluate(discrete, spec, episodes=60, workers=workers, keep=keep, observer=Collector(workers))
    assert [episode.index for episode in collected[2]] == list(range(60))
    for here, there in zip(collected[1], collected[2], strict=True):
        assert here.trajectory is not None
        assert there.trajectory is not None
        assert here.trajectory.rewards.shape == (here.length,)
        for name in ("actions", "rewards", "observations"):
            np.testing.assert_array_equal(getattr(here.trajectory, name), getattr(there.trajectory, name))


@pytest.mark.parametrize("episodes", [1, 15, 16, 17, 1000, 10_000])
@pytest.mark.parametrize("workers", [2, 3, 64])
def test_shards_of_processes_are_every_episode_once_and_end_small(episodes: int, workers: int) -> None:
    shards = list(ProcessEngine(workers).shards(episodes, 32))
    assert [number for shard in shards for number in shard] == list(range(episodes))
    sizes = [len(shard) for shard in shards]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) <= 256
    assert all(size >= 16 for size in sizes[:-1])
    if episodes > 16 * workers:
        assert sizes[-1] <= 16, "so that the last worker does not run a long one alone"


@pytest.mark.parametrize("engine", [LocalEngine(), ProcessEngine(2)], ids=lambda engine: engine.description)
def test_a_million_million_episodes_begin_at_once(
    discrete: Policy, importable: Register, engine: LocalEngine | ProcessEngine
) -> None:
    """Their shards as a list would fill the memory before the first of them is finished."""
    job = Job(discrete, importable("BriefEnv"), FIRST, lanes=4)
    with closing(cast(Any, engine.run(job, engine.shards(10**12, 4)))) as results:
        assert [episode.index for episode in next(results)[:3]] == [0, 1, 2]


def test_more_workers_than_a_machine_can_hold_are_refused(discrete: Policy) -> None:
    with pytest.raises(UsageError, match="9,999 workers"):
        evaluate(discrete, episodes=2, workers=9999)


# What other processes cannot run


def test_an_environment_of_the_script_is_refused_in_words(discrete: Policy, importable: Register) -> None:
    spec = importable("WanderingEnv")
    gymnasium.registry[spec.id].entry_point = "__main__:WanderingEnv"
    with pytest.raises(UsageError, match=r"cannot import WanderingEnv-v0.* module of its own, or use one"):
        next(iter(ProcessEngine(2).run(Job(discrete, spec, FIRST), [range(2)])))


def test_a_class_that_only_this_process_has_is_refused_in_words(
    discrete: Policy,
    drifting_class: type[Any],
    register: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not a class of conftest.py: after `python -m pytest` workers can import that one from the checkout.
    module = ModuleType("made_by_this_process")
    only_here = type("OnlyHere", (drifting_class,), {"__module__": module.__name__})
    monkeypatch.setattr(module, "OnlyHere", only_here, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(UsageError, match=r"cannot import .*'made_by_this_process'.* use one process"):
        evaluate(discrete, EnvSpec(register(only_here)), episodes=40, workers=2)


def test_a_lambda_is_refused_in_words(importable: Register) -> None:
    with pytest.raises(UsageError, match=r"cannot be sent to a worker process .* Use one process"):
        evaluate(lambda obs: second(obs), importable("WanderingEnv"), episodes=40, workers=2)


def test_auto_uses_one_process_where_workers_cannot_import(
    discrete: Policy, importable: Register, drifting: EnvSpec
) -> None:
    spec = importable("WanderingEnv")
    for policy, env in ((discrete, drifting), (second, spec), (lambda obs: second(obs), spec)):
        assert evaluate(policy, env, episodes=300, workers="auto").execution.engine == "1 process"


def test_auto_takes_processes_where_they_are_worth_it(
    discrete: Policy, importable: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importable("WanderingEnv")
    monkeypatch.setattr("lander_runtime.evaluation.evaluate.available_cores", lambda: 3)
    engines = [
        evaluate(discrete, spec, episodes=episodes, workers="auto").execution.engine
        for episodes in (199, 200)
    ]
    assert engines == ["1 process", "2 processes"]


def test_a_function_of_a_module_runs_in_workers(importable: Register) -> None:
    spec = importable("WanderingEnv")
    assert_same([evaluate(second, spec, episodes=40, workers=workers) for workers in (1, 2)])


def test_an_entry_that_was_replaced_is_replaced_in_workers_too(
    discrete: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise they would run Gymnasium's own environment of that name."""
    before = evaluate(discrete, "LunarLander-v3", episodes=20)
    other = copy.deepcopy(gymnasium.spec("LunarLander-v3"))
    other.kwargs["gravity"] = -5.0
    monkeypatch.setitem(gymnasium.registry, "LunarLander-v3", other)
    reports = [evaluate(discrete, "LunarLander-v3", episodes=20, workers=workers) for workers in (1, 2)]
    assert_same(reports)
    assert reports[0].results.returns.tolist() != before.results.returns.tolist()


# What goes wrong there


def test_an_error_in_a_worker_arrives_with_its_traceback(discrete: Policy, importable: Register) -> None:
    fragile = importable("FragileEnv", seed=FIRST + 30)
    where = f"raised ArithmeticError in the reset of the episode of seed {FIRST + 30}: the mast is broken"
    with pytest.raises(EnvironmentFailed, match=where) as caught:
        evaluate(discrete, fragile, episodes=60, workers=2)
    assert "worker_environments.py" in "".join(caught.value.__notes__)


def test_our_own_errors_arrive_as_themselves(importable: Register) -> None:
    spec = importable("WanderingEnv", continous=True)
    with pytest.raises(LanderError, match="WanderingEnv-v0 has no argument 'continous'"):
        evaluate(second, spec, episodes=40, workers=2)


def test_a_module_that_fails_when_it_is_imported_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importable: Register
) -> None:
    (tmp_path / "only_once.py").write_text(
        "import os\nif os.getpid() != PARENT: raise ValueError('not here')\n"
        "def act(obs):\n    return [0] * len(obs)\n".replace("PARENT", str(os.getpid()))
    )
    monkeypatch.syspath_prepend(tmp_path)
    act = __import__("only_once").act
    with pytest.raises(RuntimeError, match="ValueError: not here"):
        evaluate(act, importable("WanderingEnv"), episodes=40, workers=2)


# From anywhere


SCRIPT = """
import sys
from lander_runtime import Policy
from lander_runtime.evaluation.evaluate import evaluate
report = evaluate(Policy.load(sys.argv[1], "cpu"), episodes=20, workers=2)
print(report.execution.engine, report.sha256)
"""


@pytest.mark.parametrize("way", ["script without a guard", "-c", "stdin"])
def test_it_works_from_anywhere(discrete: Policy, tiny_discrete: Path, tmp_path: Path, way: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    first = {"script without a guard": str(script), "stdin": "-"}.get(way)
    command = [sys.executable, *([first] if first else ["-c", SCRIPT]), str(tiny_discrete)]
    ran = subprocess.run(
        command,
        input=SCRIPT if way == "stdin" else "",
        capture_output=True,
        text=True,
        env=path_of_workers(),
        cwd=tmp_path,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"2 processes {evaluate(discrete, episodes=20).sha256}\n"


# Memory


def peak(policy: Callable[[NDArray[Any]], NDArray[Any]], spec: EnvSpec, episodes: int) -> int:
    """Bytes at most, over those before."""
    tracemalloc.start()
    try:
        evaluate(policy, spec, episodes=episodes)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_flat_with_the_number_of_episodes(importable: Register) -> None:
    """9,000 episodes more may take their rows of columns, not 9,000 objects of some 300 bytes."""
    spec = importable("BriefEnv")
    peak(second, spec, 100)
    more = peak(second, spec, 10_000) - peak(second, spec, 1_000)
    assert more < 9_000 * 100
