"""Locks: one process at a time, the second is told who, and a killed process holds none."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import atomic_write, remove_leftovers, write_text
from lander_runtime.locks import locked

HOLD = """
import sys
from pathlib import Path
from lander_runtime.locks import locked

with locked(Path(sys.argv[1]), Path("run"), "Wait."):
    print("held", flush=True)
    sys.stdin.read()
"""

WRITE = """
import sys
from pathlib import Path
from lander_runtime.files import atomic_write

with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / ".lock"


def started(code: str, file: Path) -> "subprocess.Popen[str]":
    """A process that says when it is inside, and stays there while its stdin is open."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip() in ("held", "written")
    return child


@pytest.fixture
def holder(lock: Path) -> "Iterator[subprocess.Popen[str]]":
    with started(HOLD, lock) as child:
        yield child
        child.kill()


def test_a_second_process_is_told_who_holds_it(lock: Path, holder: "subprocess.Popen[str]") -> None:
    expected = (
        rf"^run is in use: process {holder.pid}, since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, writes it. Wait"
    )
    with pytest.raises(InputRefused, match=expected), locked(lock, Path("run"), "Wait."):
        pytest.fail("the block must not run")


def test_it_ends_with_its_process(lock: Path, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()
    assert lock.exists(), "a killed process removes nothing"
    with locked(lock, Path("run"), "Wait."):
        assert str(os.getpid()) in lock.read_text()
    assert not lock.exists()


def test_the_same_process_is_refused_too(lock: Path) -> None:
    with locked(lock, Path("run"), "Wait."):
        with pytest.raises(InputRefused, match=f"process {os.getpid()}"), locked(lock, Path("run"), "Wait."):
            pytest.fail("the block must not run")
        assert lock.exists()


def test_what_a_stranger_wrote_into_the_file_changes_no_terminal(lock: Path) -> None:
    with locked(lock, Path("run"), "Wait."):
        lock.write_text("\x1b[2J" + "x" * 10_000)
        with pytest.raises(InputRefused) as caught, locked(lock, Path("run"), "Wait."):
            pytest.fail("the block must not run")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_file_is_refused(lock: Path, make: object) -> None:
    make(lock)  # pyright: ignore[reportCallIssue]
    with pytest.raises(UsageError, match="run cannot be written"), locked(lock, Path("run"), "Wait."):
        pytest.fail("the block must not run")


@pytest.mark.skipif(os.name == "nt", reason="on Windows leftovers stay")
def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path: Path) -> None:
    with started(WRITE, tmp_path / "policy.onnx") as child:
        (leftover,) = tmp_path.iterdir()
        write_text(tmp_path / "card.md", "text")
        assert leftover.read_text() == "half", "it is in use"
        child.kill()
        child.wait()
    assert leftover.exists()
    write_text(tmp_path / "card.md", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]


@pytest.mark.parametrize(
    "name", [".policy.onnx.backup12.onnx", "policy.onnx.lander-abcdefgh.onnx", ".lander-notes"]
)
def test_other_files_are_no_leftovers(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with atomic_write(tmp_path / "policy.onnx"):
        remove_leftovers(tmp_path)
    assert (tmp_path / name).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
def test_a_second_name_of_another_file_empties_nothing(tmp_path: Path) -> None:
    """A run from a stranger may have a lock that is the checkpoint under another name."""
    (tmp_path / "checkpoint").write_text("weights")
    os.link(tmp_path / "checkpoint", tmp_path / ".lock")
    with pytest.raises(UsageError, match="no file of its own"), locked(tmp_path / ".lock", tmp_path, ""):
        pass
    assert (tmp_path / "checkpoint").read_text() == "weights"
