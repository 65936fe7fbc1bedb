"""The engine on a Ray cluster: the same bytes, a killed worker loses nothing, and nothing is left behind."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from lander_runtime import EnvSpec, InputRefused, MachineLacks, Policy, UsageError, evaluate
from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.evaluation.job import Job
from lander_runtime.workers.remote import WorkerDied

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lander-rl[ray]'")

from lander_runtime.evaluation.ray import Ray, run_shard  # noqa: E402
from lander_runtime.workers.ray_cluster import RayWorker  # noqa: E402
from lander_runtime.workers.signals import signals_held  # noqa: E402

DOUBLES = Path(__file__).parents[1] / "doubles"


class Cluster:
    """The engine, and where its cluster lives."""

    def __init__(self, engine: Ray) -> None:
        self.engine = engine
        self.folder = str(engine.cluster.folder)

    def processes(self) -> list[str]:
        """Command lines of processes that belong to the cluster."""
        lines = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # It has just ended.
                continue
        return [line for line in lines if self.folder in line]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all tests here, because it takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOUBLES)
        engine = Ray(cpus=2)
        yield (started := Cluster(engine))
        assert started.processes()
        engine.close()
    assert not ray.is_initialized()
    assert not Path(started.folder).exists()
    assert started.processes() == []


@pytest.fixture
def engine(cluster: Cluster) -> Ray:
    cluster.engine.on_finished = lambda episodes: None
    return cluster.engine


@pytest.fixture
def walk(cluster: Cluster) -> Iterator[EnvSpec]:
    """An environment registered by the name of its module, as users register theirs."""
    gymnasium.register("RayWalk-v0", entry_point="ray_doubles:Walk")
    yield EnvSpec("RayWalk-v0")
    del gymnasium.registry["RayWalk-v0"]


class Collector:
    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def on_episode(self, episode: Episode) -> None:
        self.episodes.append(episode)


def test_the_same_bytes_as_everywhere_else(engine: Ray, discrete: Policy) -> None:
    """Five shards of crash landings; with two processes too."""
    keep, collected, expected = Keep(actions=True, observations=True), Collector(), Collector()
    found = evaluate(discrete, episodes=70, engine=engine, keep=keep, observer=collected)
    here = evaluate(discrete, episodes=70, keep=keep, observer=expected)
    assert found.sha256 == here.sha256 == evaluate(discrete, episodes=70, workers=2).sha256
    assert (found.execution.engine, here.execution.engine) == ("ray, 2 CPUs", "1 process")
    assert [episode.seed for episode in collected.episodes] == list(range(1_000_000, 1_000_070))
    for one, other in zip(collected.episodes, expected.episodes, strict=True):
        assert one.trajectory is not None
        assert other.trajectory is not None
        assert one.trajectory.actions.tobytes() == other.trajectory.actions.tobytes()
        assert one.trajectory.observations.tobytes() == other.trajectory.observations.tobytes()


def test_an_environment_of_ones_own_and_drawn_actions(engine: Ray, walk: EnvSpec) -> None:
    import ray_doubles  # type: ignore[import-not-found]

    found = evaluate(ray_doubles.home, walk, episodes=100, engine=engine)
    assert found.sha256 == evaluate(ray_doubles.home, walk, episodes=100).sha256
    assert len(set(found.results.returns.tolist())) == 100


def test_a_killed_worker_loses_nothing(engine: Ray, walk: EnvSpec, tmp_path: Path) -> None:
    from ray_doubles import DiesOnce, home  # type: ignore[import-not-found]

    marker = tmp_path / "died"
    found = evaluate(DiesOnce(marker), walk, episodes=100, engine=engine)
    assert marker.exists(), "no worker was killed"
    assert found.sha256 == evaluate(home, walk, episodes=100).sha256


def test_a_shard_that_kills_every_worker_is_given_up(engine: Ray, walk: EnvSpec) -> None:
    from ray_doubles import dies  # type: ignore[import-not-found]

    with pytest.raises(WorkerDied, match="5 workers ended while they ran the same shard"):
        evaluate(dies, walk, episodes=4, engine=engine)


def test_progress_is_reported_as_shards_finish(engine: Ray, walk: EnvSpec) -> None:
    from ray_doubles import home  # type: ignore[import-not-found]

    finished: list[int] = []
    collected = Collector()
    observed_before: list[int] = []
    engine.on_finished = lambda episodes: (
        finished.append(episodes),
        observed_before.append(len(collected.episodes)),
    )[0]
    evaluate(home, walk, episodes=100, engine=engine, observer=collected)
    assert sum(finished) == 100
    assert len(finished) == len(list(engine.shards(100, 32))) > 1
    assert observed_before[0] == 0


def test_errors_of_ours_are_raised_as_they_are(engine: Ray, walk: EnvSpec) -> None:
    from ray_doubles import refuses  # type: ignore[import-not-found]

    with pytest.raises(InputRefused, match=r"^not with these observations$"):
        evaluate(refuses, walk, episodes=40, engine=engine)


def test_other_errors_say_where_they_were(engine: Ray, walk: EnvSpec) -> None:
    from ray_doubles import fails  # type: ignore[import-not-found]

    with pytest.raises(RuntimeError, match=r"(?s)on the cluster.*ZeroDivisionError: in the user's policy"):
        evaluate(fails, walk, episodes=40, engine=engine)


def test_what_only_this_process_can_import_is_a_usage_error(
    engine: Ray, walk: EnvSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def policy(obs):\n    return [0] * len(obs)\n")
    monkeypatch.syspath_prepend(tmp_path)
    from only_here import policy  # type: ignore[import-not-found]

    with pytest.raises(UsageError, match=r"cannot import the policy or environment .*only_here"):
        evaluate(policy, walk, episodes=4, engine=engine)


def test_what_cannot_be_sent_is_a_usage_error(engine: Ray, walk: EnvSpec) -> None:
    lock = threading.Lock()

    def policy(obs: Any) -> Any:
        with lock:
            return np.zeros(len(obs), np.int64)

    with pytest.raises(UsageError, match="cannot be sent to a cluster"):
        evaluate(policy, walk, episodes=4, engine=engine)


def test_other_versions_are_refused(engine: Ray, discrete: Policy) -> None:
    """As on a machine whose installed versions differ from those of the machine that sent the job."""
    job = Job(discrete, discrete.info.env, 0)
    found = run_shard([ray.put((job, None, {"gymnasium": "0.1"}))], range(2))
    assert isinstance(found, MachineLacks)
    assert "expected 0.1" in str(found) or "expected None" in str(found)


def test_closing_the_iterator_ends_the_work(engine: Ray, walk: EnvSpec, discrete: Policy) -> None:
    """And the cluster runs the next job."""
    job = Job(discrete, discrete.info.env, 0)
    with closing(engine.run(job, engine.shards(400, 32))) as shards:
        first = next(shards)
    assert [episode.index for episode in first] == list(range(len(first)))
    found = evaluate(discrete, episodes=3, engine=engine)
    assert found.sha256 == evaluate(discrete, episodes=3).sha256


def test_a_cluster_that_was_there_before_is_left_alone(engine: Ray, walk: EnvSpec) -> None:
    from ray_doubles import home  # type: ignore[import-not-found]

    with Ray() as guest:
        found = evaluate(home, walk, episodes=3, engine=guest)
    assert ray.is_initialized()
    assert found.sha256 == evaluate(home, walk, episodes=3, engine=engine).sha256


def test_an_object_on_the_cluster(cluster: Cluster) -> None:
    from ray_doubles import Counter

    worker = RayWorker(Counter, 10)
    for number in (1, -1, 2):
        worker.send("add", number)
    assert worker.receive() == 11
    with pytest.raises(UsageError, match="-1 is below 0"):
        worker.receive()
    assert worker.receive() == 13
    worker.send("die")
    with pytest.raises(WorkerDied, match="A worker on the cluster ended unexpectedly"):
        worker.receive()
    worker.close()


def test_an_address_and_a_number_of_cpus_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="leave out the CPUs"):
        Ray("auto", cpus=2)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_where_no_cluster_answers_is_said_at_once(address: str) -> None:
    """In a process of its own, because this one may be connected by now."""
    code = f"""if True:
        import sys
        from lander_runtime import MachineLacks
        from lander_runtime.evaluation.ray import Ray
        try:
            Ray({address!r})
        except MachineLacks as error:
            sys.exit(str(error))
    """
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert child.returncode == 1
    assert child.stderr.startswith(f"No Ray cluster answers at {address} (")
    assert "--shard i/n" in child.stderr


def test_without_ray_the_error_says_what_to_install() -> None:
    """`sys.modules[name] = None` is Python's own way of having a module be absent."""
    code = """if True:
        import sys
        sys.modules["ray"] = None
        from lander_runtime import MachineLacks
        try:
            from lander_runtime.evaluation.ray import Ray
        except MachineLacks as error:
            sys.exit(str(error))
    """
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert child.stderr == "Ray is not installed. Type: pip install 'lander-rl[ray]'\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_in_a_call_of_ray_is_handled_after_it(name: str) -> None:
    """Ray catches what a handler raises inside, and the evaluation would go on."""
    number = getattr(signal, name)
    seen: list[str] = []

    def leave(found: int, frame: object) -> None:
        seen.append("handled")
        raise SystemExit(128 + found)

    before = signal.signal(number, leave)
    try:
        with pytest.raises(SystemExit) as ended, signals_held(), signals_held(), suppress(BaseException):
            signal.raise_signal(number)
            seen.append("goes on")
        assert seen == ["goes on", "handled"]
        assert ended.value.code == 128 + number
        assert signal.getsignal(number) is leave
    finally:
        signal.signal(number, before)
