"""Atomic writing: the old file or the new one, never half of one, and no temporary file is left."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lander_runtime import InputRefused, UsageError
from lander_runtime.files import (
    atomic_write,
    atomic_writes,
    check_writable,
    is_text,
    near_miss,
    open_regular,
    read_regular,
    regular_lines,
    sha256_of,
    write_text,
)


def test_the_new_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "policy.onnx"
    target.write_text("old")
    with atomic_write(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == tmp_path, "a rename is atomic inside one file system only"
        assert temporary.suffix == ".onnx", "some writers choose the format by it"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "policy.onnx"
    target.write_text("old")
    with pytest.raises(error), atomic_write(target) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "policy.onnx"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "runs" / "a" / "card.md", "text")
    assert (tmp_path / "runs" / "a" / "card.md").read_text() == "text"


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"), atomic_write(tmp_path / "file" / "policy.onnx"):
        pytest.fail("the block must not run")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_folder_in_the_place_of_the_file_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "policy.onnx").mkdir()
    with pytest.raises(OSError, match=r"policy\.onnx"):
        write_text(tmp_path / "policy.onnx", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["policy.onnx"]


@pytest.mark.parametrize("place", ["policy.onnx", "new/policy.onnx", "old.onnx", "link.onnx"])
def test_what_can_be_written_passes_and_nothing_changes(tmp_path: Path, place: str) -> None:
    (tmp_path / "old.onnx").write_text("old")
    (tmp_path / "link.onnx").symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    check_writable(tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "old.onnx").read_text() == "old"
    write_text(tmp_path / place, "so it could")


def test_one_missing_folder_is_made_and_more_are_a_mistyped_path(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert check_writable(tmp_path / "runs" / "a.gif") is None
    assert check_writable(tmp_path / "runs" / "x" / "a.gif") == tmp_path / "runs" / "x"
    assert check_writable(tmp_path / "a" / "b" / "a.gif", new_folders=2) == tmp_path / "a" / "b"
    with pytest.raises(UsageError, match=r"there is no folder .*/rns\. Did you mean .*/runs\? Make"):
        check_writable(tmp_path / "rns" / "x" / "a.gif")
    at_the_root = Path(tmp_path.anchor) / "no-such-folder"
    with pytest.raises(UsageError, match=r"there is no folder .*no-such-folder"):
        check_writable(at_the_root / "a.gif")
    assert not at_the_root.exists()


TOO_LONG = os.strerror(errno.ENAMETOOLONG)


# Since Python 3.13 the words about a zero byte begin with the name of the function that refused it.
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file/policy.onnx", "file is not a folder"),
        ("file/new/policy.onnx", "file is not a folder"),
        ("folder", "exists and is not a file"),
        (f"{'x' * 250}.onnx", f"cannot be written: {TOO_LONG}"),
        (f"{'x' * 300}/policy.onnx", f"cannot be written: {TOO_LONG}"),
        ("policy\0.onnx", r"cannot be written: (open: )?embedded null"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path, place: str, reason: str) -> None:
    """Each of them fails in `atomic_write` too, where it would be after the work."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=rf"{reason}.* Choose another"):
        check_writable(tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises((OSError, ValueError)):
        write_text(tmp_path / place, "text")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc here")
def test_a_file_system_that_takes_no_files_is_refused_for_root_too() -> None:
    with pytest.raises(UsageError, match=r"^/proc/policy\.onnx cannot be written"):
        check_writable(Path("/proc/policy.onnx"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "card.md", "text")
        during = os.umask(umask)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "card.md").stat().st_mode) == mode
    assert during == umask, "the process's own umask is left as it was"


def test_text_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    write_text(tmp_path / "card.md", "± 3 µs\n")
    assert (tmp_path / "card.md").read_bytes() == b"\xc2\xb1 3 \xc2\xb5s\n"


def test_a_digest_is_that_of_the_standard() -> None:
    """FIPS 180-2, appendix B.1."""
    assert sha256_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# Reading regular files only.


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused_and_never_waited_for(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "input")
    with pytest.raises(InputRefused, match="expected a file, found a folder, a pipe or a device"):
        read_regular(tmp_path / "input", 100)


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"x" * 101)
    with pytest.raises(InputRefused, match="at most 100 bytes"):
        read_regular(tmp_path / "input", 100)
    assert read_regular(tmp_path / "input", 101) == b"x" * 101


@pytest.mark.parametrize(("name", "words"), [("absent", "does not exist"), ("zero\0byte", "cannot be read")])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        open_regular(tmp_path / name)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "nothing").touch()
    with pytest.raises(InputRefused, match=r"nothing is empty\.$"):
        read_regular(tmp_path / "nothing", 100)
    assert list(regular_lines(tmp_path / "nothing", 100, 100)) == []


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no /proc here")
def test_a_file_without_a_size_may_hold_something() -> None:
    assert read_regular(Path("/proc/self/status"), 100_000)


# Files that belong together.


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", False),
        (b"steps = 5\n\t# Gr\xc3\xbc\xc3\x9fe\r\n", True),
        (b"a" * 1023 + "ü".encode() + b"\x00", True),  # A character is cut where the look ends.
        (b"a\xc3", False),
        (b"\x08\x08\x12\x06lander", False),
        (b"PK\x03\x04", False),
    ],
)
def test_text_is_told_from_a_policy(content: bytes, text: bool) -> None:
    assert is_text(content) is text


def test_a_near_miss_is_in_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "policy.onnx").touch()
    assert near_miss(tmp_path / "polcy.onnx") == f" Did you mean {tmp_path / 'policy.onnx'}?"
    assert near_miss(tmp_path / "other.onnx") == ""
    (tmp_path / "link.onnx").symlink_to("nowhere")
    assert near_miss(tmp_path / "link.onnx") == ""
    assert near_miss(tmp_path / "absent" / "policy.onnx") == ""


def test_a_full_disk_leaves_all_of_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, card = tmp_path / "policy.onnx", tmp_path / "policy.md"
    policy.write_text("old")
    fsync, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"), atomic_writes(policy, card) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
    assert policy.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["policy.onnx"]


def test_a_file_that_the_block_removes_stays_as_it_was(tmp_path: Path) -> None:
    policy, gif = tmp_path / "policy.onnx", tmp_path / "policy.gif"
    gif.write_text("old")
    with atomic_writes(policy, gif) as (one, two):
        one.write_text("new")
        two.unlink()
    assert (policy.read_text(), gif.read_text()) == ("new", "old")
    assert len(list(tmp_path.iterdir())) == 2
