"""Doom's engine, a process of its own: no engine and no file is left behind, whatever ends first."""

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from doom_helpers import BASIC, WAIT, opened
from lander_runtime import MachineLacks, envs

if importlib.util.find_spec("vizdoom") is None:
    pytest.skip("vizdoom is not installed (the extra `doom`)", allow_module_level=True)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="engines are tied to their process on Linux")


def children(parent: int) -> list[int]:
    """The processes that `parent` has started and that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # "PID (name, which may hold anything) state parent ..."
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(process.name))
    return found


def engines(parent: int) -> list[int]:
    return [pid for pid in children(parent) if b"+viz_instance_id" in command(pid)]


def command(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def shared_memory(engine: int) -> list[Path]:
    """The files of shared memory of an engine that runs."""
    words = command(engine)
    return list(Path("/dev/shm").glob(f"*{words[words.index(b'+viz_instance_id') + 1].decode()}"))


@linux_only
def test_nothing_is_written_to_the_working_directory_and_nothing_stays(
    tmp_path: Path, temporary_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "it's here"
    here.mkdir()
    monkeypatch.chdir(here)
    with opened(envs.resolve(BASIC)) as env:
        assert list(temporary_files.iterdir()) == []
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        shared = shared_memory(engine)
        assert len(shared) == 3
        env.step(WAIT)
    assert engines(os.getpid()) == []
    assert [path for path in shared if path.exists()] == []
    assert list(here.iterdir()) == []
    assert list(temporary_files.iterdir()) == []


def test_a_closed_environment_may_be_reset_and_closed_twice() -> None:
    env = envs.make(envs.resolve(BASIC))
    first, _ = env.reset(seed=5)
    env.close()
    env.close()
    np.testing.assert_array_equal(env.reset(seed=5)[0], first)
    env.close()


@linux_only
def test_an_engine_may_run_in_a_folder_with_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / 'it\'s $HOME; "quoted"'
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with opened(envs.resolve(BASIC)) as env:
        assert env.reset(seed=0)[0].any()
    assert list(odd.iterdir()) == []


@linux_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_engine_goes_on_after_a_signal_to_the_whole_group(name: str) -> None:
    """Ctrl-C reaches the engines too; the trainer still wants to finish its update."""
    with opened(envs.resolve(BASIC)) as env:
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        os.kill(engine, getattr(signal, name))
        for _ in range(10):
            env.step(WAIT)
        assert engines(os.getpid()) == [engine]


@linux_only
def test_an_engine_that_died_is_a_shortage_of_the_machine() -> None:
    with opened(envs.resolve(BASIC)) as env:
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(MachineLacks, match="Doom's engine"):
            for _ in range(10):
                env.step(WAIT)


@linux_only
def test_a_folder_in_which_nothing_may_run_is_named(tmp_path: Path) -> None:
    """Where temporary files lie on a disk that is mounted `noexec`; vizdoom would crash."""
    mount = f"mount -t tmpfs -o noexec none {tmp_path}"
    unshared = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshared, mount], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    script = "from lander_runtime import envs; envs.make(envs.resolve('VizdoomBasic-v1')).reset()"
    process = subprocess.run(
        [*unshared, f'{mount} && exec "$0" -c "$1"', sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert f"MachineLacks: Doom's engine is started in {tmp_path}" in process.stderr


ABANDONED = """
import sys
from lander_runtime import envs
opened = [envs.make(envs.resolve("VizdoomBasic-v1")) for _ in range(2)]
for env in opened:
    env.reset(seed=0)
print("ready", flush=True)
sys.stdin.readline()
"""


@linux_only
@pytest.mark.parametrize("way", ["killed", "terminated", "left without closing"])
def test_no_engine_outlives_its_process(way: str, temporary_files: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ABANDONED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = children(process.pid)
        running = engines(process.pid)
        assert len(running) == 2
        shared = [path for engine in running for path in shared_memory(engine)]
        assert len(shared) == 6
        assert len(list(temporary_files.iterdir())) == 2
        with contextlib.ExitStack() as stack:
            handles = [os.pidfd_open(pid) for pid in started]
            for handle in handles:
                stack.callback(os.close, handle)
            if way == "killed":
                process.kill()
            elif way == "terminated":
                process.terminate()
            else:
                process.stdin.write("\n")
                process.stdin.flush()
            process.wait()
            # Readable once the process has ended.
            for handle in handles:
                assert select.select([handle], [], [], 60.0)[0], "a process that it started still runs"
    assert [path for path in shared if path.exists()] == []
    assert list(temporary_files.iterdir()) == []
