"""Locks between processes: one writes a folder at a time, and a second is told who does.

A lock is the operating system's, on a small file. So it ends with its process, also after `kill -9`, and what
the file holds is only for messages.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.text import escaped

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LONGEST_NOTE = 200
"""Bytes of a lock file that a message repeats."""

_FAR = 1 << 30
"""Where Windows locks a byte: behind the text, which others could not read otherwise."""

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""So that neither a link leads elsewhere, nor a named pipe is waited for."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Error numbers of a file system without locks, such as some network shares."""


@contextlib.contextmanager
def locked(file: Path, what: Path, advice: str) -> Iterator[None]:
    """Hold the lock `file` while inside; its folder is made if it is missing.

    On a file system without locks nothing is held.

    Args:
        file: the lock file; it is removed at the end.
        what: what the lock protects, for the message.
        advice: what a second process can do, as a sentence.

    Raises:
        InputRefused: another process, or this one, holds it.
        UsageError: the file cannot be made.
    """
    descriptor = _open_locked(file, what, advice)
    try:
        yield
    finally:
        # Still locked: a process that opens it now finds another file there, or none, and tries again.
        with contextlib.suppress(OSError):
            if is_at(file, descriptor):
                file.unlink()
        os.close(descriptor)
        # Windows removes no file that is open.
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                file.unlink()


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for the other processes that are inside with the same folder or file; they wait meanwhile.

    For a few renames or lines, so no message is needed. Without effect where `path` has no lock.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file until it is closed; False if another holds it, None where files have no locks."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return None if error.errno in _NO_LOCKS else False
    return True


def is_at(file: Path, descriptor: int) -> bool:
    """Whether the open file is still the one with this name: another process may have removed it."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def remove_unused(file: Path) -> None:
    """Remove `file` unless a process holds its lock, or there is no telling; raises no error."""
    with contextlib.suppress(OSError):
        descriptor = os.open(file, _FLAGS)
        try:
            # While it is locked, so that none that was just made is taken for a leftover.
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and try_lock(descriptor) is True:
                file.unlink()
        finally:
            os.close(descriptor)


def _open_locked(file: Path, what: Path, advice: str) -> int:
    while True:
        descriptor = _open(file, what)
        try:
            if try_lock(descriptor) is False:
                raise InputRefused(f"{what} is in use: {_holder(descriptor)} writes it. {advice}")
            if is_at(file, descriptor):
                note = f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC,"
                os.truncate(descriptor, 0)
                os.write(descriptor, note.encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(file: Path, what: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, _FLAGS | os.O_CREAT, 0o666)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{what} cannot be written: {reason}. Choose another place.") from error
    found = os.fstat(descriptor)
    # A second name of another file would have that one emptied.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise UsageError(f"{what} cannot be written: {file.name} in it is no file of its own. Remove that.")
    return descriptor


def _holder(descriptor: int) -> str:
    """Who holds it, from the file; it is empty for a moment after it was made."""
    with contextlib.suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = os.read(descriptor, _LONGEST_NOTE).decode(errors="replace")
        if text:
            return escaped(text)
    return "another process"
