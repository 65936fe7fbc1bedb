"""Atomic writes: a file is complete or absent. Also the SHA-256 of bytes.

Shared by training, export, evaluation and recording.
"""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lander_runtime.errors import UsageError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers for a full disk or quota: another path on the same disk would not help."""


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on an error it is removed.

    The data is flushed to disk before the rename and the folder after it, so that a crash leaves
    either the old file or the new one. Missing parent folders are created.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private to the user; a result gets the permissions of an ordinary new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        _flush_to_disk(temporary)
        temporary.replace(path)
        _flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Check before long work that `atomic_write` can write `path` afterwards; changes nothing.

    A file is made and removed in the deepest existing folder of the path. Permissions alone are not
    enough: the disk may be read-only, the name too long, and root's permissions always look sufficient.

    Raises:
        UsageError: `path` cannot be written, with the reason.
        OSError: the disk is full.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} exists and is not a file. Choose another name.")
        folder = _deepest_existing(path.absolute().parent)
        if not folder.is_dir():
            raise UsageError(f"{path} cannot be written: {folder} is not a folder. Choose another place.")
        with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", suffix=path.suffix, dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name.
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be written: {reason}. Choose another place.") from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(data: bytes) -> str:
    """The SHA-256 digest of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _deepest_existing(folder: Path) -> Path:
    while True:
        try:
            folder.lstat()
            return folder
        except (FileNotFoundError, NotADirectoryError):
            folder = folder.parent


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
