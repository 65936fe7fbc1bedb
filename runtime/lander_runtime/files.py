"""Atomic writes: a file is complete or absent. Reads of regular files only. Also the SHA-256 of bytes.

Shared by training, export, evaluation and recording.
"""

import codecs
import contextlib
import difflib
import errno
import hashlib
import itertools
import os
import re
import stat
import sys
import tempfile
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.locks import is_at, remove_unused, try_lock, turn
from lander_runtime.text import html_film, html_picture

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers for a full disk or quota: another path on the same disk would not help."""

_LARGEST_PICTURE = 8_000_000
"""Bytes. A notebook stores every picture in its file."""

_LOOKED_AT = 1024
"""Bytes of a file that say whether it is text."""

_NAMES = 1000
"""Names of a folder that are compared with one that is missing; more take too long."""

_ALIKE = 0.75
"""`polcy.onnx` is like `policy.onnx`; `old.onnx` is not like `new.onnx`, nor `001` like `002`."""

_TEMPORARY = re.compile(r"\..*\.lander-[a-z0-9_]{8}(\.[^.]*)?")
"""Names of our temporary files."""


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on an error it is removed.

    The data is flushed to disk before the rename and the folder after it, so that a crash leaves
    either the old file or the new one. Missing parent folders are created. Temporary files of processes that
    were killed in this folder are removed.

    Raises:
        OSError: the folder cannot be written.
    """
    with atomic_writes(path) as temporaries:
        yield temporaries[0]


@contextlib.contextmanager
def atomic_writes(*paths: Path) -> Iterator[list[Path]]:
    """`atomic_write` for files that belong together: all are on disk before the first gets its name.

    So a full disk leaves all of the old ones. The names are given in the order of `paths`. Where the block
    removes a temporary file, its target stays as it was.

    Raises:
        OSError: a folder cannot be written.
    """
    with contextlib.ExitStack() as removing:
        temporaries = []
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path.parent)
            temporaries.append(removing.enter_context(_temporary(path, path.parent)))
        yield temporaries
        written = [pair for pair in zip(temporaries, paths, strict=True) if pair[0].exists()]
        # mkstemp makes files private to the user; a result gets the permissions of an ordinary new file.
        umask = os.umask(0)
        os.umask(umask)
        for temporary, _ in written:
            temporary.chmod(0o666 & ~umask)
            flush_to_disk(temporary)
        # Of two processes that write the same files at the same time, all files of one must stay.
        with turn(paths[0].parent) if len(paths) > 1 else contextlib.nullcontext():
            for temporary, path in written:
                temporary.replace(path)
        # After all renames: a disk that fails here must not stop in the middle of them.
        for folder in dict.fromkeys(path.parent for _, path in written):
            flush_to_disk(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in `folder` whose process was killed; those in use stay.

    Not on Windows, where a file that is renamed cannot be held open, so that nothing tells them apart.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        leftovers = [Path(entry.path) for entry in entries if is_temporary(Path(entry.name))]
        for path in leftovers:
            remove_unused(path)


def is_temporary(path: Path) -> bool:
    """Whether the name is that of a temporary file of `atomic_write`."""
    return _TEMPORARY.fullmatch(path.name) is not None


def check_writable(path: Path, *, new_folders: int = 1) -> Path | None:
    """Check before long work that `atomic_write` can write `path` afterwards; changes nothing.

    A file is made and removed in the deepest existing folder of the path. Permissions alone are not
    enough: the disk may be read-only, the name too long, and root's permissions always look sufficient.

    Args:
        path: of the file.
        new_folders: how many folders at the end of its path may be missing. More are a mistyped path, and so
            is an absolute one whose first folder is missing.

    Returns:
        The folder that `atomic_write` will make, the others with it; None where it is there.

    Raises:
        UsageError: `path` cannot be written, with the reason.
        OSError: the disk is full.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} exists and is not a file. Choose another name.")
        parent = path.absolute().parent
        folder = _deepest_existing(parent)
        if not folder.is_dir():
            raise UsageError(f"{path} cannot be written: {folder} is not a folder. Choose another place.")
        missing = parent.parts[len(folder.parts) :]
        with _temporary(path, folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name.
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be written: {reason}. Choose another place.") from error
    if not missing:
        return None
    if len(missing) > new_folders or (path.is_absolute() and folder == folder.parent):
        first = folder / missing[0]
        raise UsageError(
            f"{path} cannot be written: there is no folder {first}.{near_miss(first)} "
            "Make the folder, or choose another place."
        )
    return path.parent


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, and nothing else: a named pipe or a device may never answer.

    Raises:
        InputRefused: it is missing or empty, cannot be read, or is a folder, a pipe or a device.
    """
    file = _open_regular(path)
    if os.fstat(file.fileno()).st_size == 0 and _is_empty(file, path):
        file.close()
        raise InputRefused(f"{path} is empty.")
    return file


def _is_empty(file: BufferedReader, path: Path) -> bool:
    """Look: files of /proc have no size and may hold something."""
    try:
        return not file.peek(1)
    except OSError as error:
        file.close()
        raise InputRefused(_unreadable(path, error)) from error


def _open_regular(path: Path) -> BufferedReader:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name.
        raise InputRefused(_unreadable(path, error)) from error
    # Asked of what was opened: the name may lead to something else by now.
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputRefused(f"{path}: cannot be read (expected a file, found a folder, a pipe or a device).")
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, largest: int, *, may_be_empty: bool = False) -> bytes:
    """The content of a regular file of at most `largest` bytes; raises `InputRefused` like `open_regular`.

    With `may_be_empty`, an empty file is no reason.
    """
    with _open_regular(path) if may_be_empty else open_regular(path) as file:
        try:
            # One byte more than allowed, and no look at the size: files of /proc have none and may not end.
            content = file.read(largest + 1)
        except OSError as error:
            raise InputRefused(_unreadable(path, error)) from error
    if len(content) > largest:
        raise InputRefused(f"{path}: expected at most {largest:,} bytes, found more.")
    return content


def regular_lines(path: Path, longest: int, largest: int) -> Generator[bytes, None, None]:
    """The lines of a regular file with their ends, one at a time; raises `InputRefused` like `open_regular`.

    An empty file has none. A file of line ends alone would take eight times its size as a list of lines.

    Args:
        path: of the file.
        longest: most bytes of a line.
        largest: most bytes of the file.
    """
    with _open_regular(path) as file:
        read = 0
        for number in itertools.count(1):
            try:
                line = file.readline(longest + 1)
            except OSError as error:
                raise InputRefused(_unreadable(path, error)) from error
            read += len(line)
            if len(line) > longest or read > largest:
                most = f"{longest:,} bytes" if len(line) > longest else f"{largest:,} bytes in all"
                raise InputRefused(f"{path}: line {number}: expected at most {most}, found more.")
            if not line:
                return
            yield line


def read_regular_text(path: Path, largest: int) -> str:
    """The same, as UTF-8 text."""
    try:
        return read_regular(path, largest).decode()
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}).") from error


def picture_as_html(path: Path | None, description: str, largest: int = _LARGEST_PICTURE) -> str:
    """The GIF, PNG, SVG or MP4 in `path` for a page; nothing where it is missing or too large."""
    try:
        content = b"" if path is None else read_regular(path, largest)
    except InputRefused:
        return ""
    return html_picture(content, description) or html_film(content)


def is_text(content: bytes) -> bool:
    """Whether a file with this content is text, by its start: no ONNX file or checkpoint begins so.

    Those have control characters near the start.
    """
    start = content[:_LOOKED_AT]
    try:
        # A character of several bytes may be cut at the end of what is looked at.
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=len(start) == len(content))
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character in "\t\r\n" for character in text)


def near_miss(path: Path) -> str:
    """A sentence with the file or folder beside `path` whose name is almost the same, or nothing."""
    try:
        beside = itertools.islice(path.parent.iterdir(), _NAMES)
        # A link that leads nowhere is missing too, under its own name.
        names = [entry.name for entry in beside if entry.name != path.name]
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, names, 1, _ALIKE)
    return f" Did you mean {path.parent / near[0]}?" if near else ""


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist.{near_miss(path)}"
    return f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})."


def sha256_of(data: bytes) -> str:
    """The SHA-256 digest of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _temporary(path: Path, folder: Path) -> Iterator[Path]:
    """An empty file in `folder` with a name made of that of `path`; it is removed at the end.

    A lock on it says that it is in use.
    """
    with contextlib.ExitStack() as closing:
        while True:
            descriptor, name = tempfile.mkstemp(
                prefix=f".{path.name}.lander-", suffix=path.suffix, dir=folder
            )
            temporary = Path(name)
            closing.callback(temporary.unlink, missing_ok=True)
            if sys.platform == "win32":
                # Windows renames no file that is open.
                os.close(descriptor)
                break
            closing.callback(os.close, descriptor)
            # Else another process removed it as a leftover, before it was locked.
            if try_lock(descriptor) is not False and is_at(temporary, descriptor):
                break
        yield temporary


def _deepest_existing(folder: Path) -> Path:
    while True:
        try:
            folder.lstat()
            return folder
        except (FileNotFoundError, NotADirectoryError):
            folder = folder.parent
