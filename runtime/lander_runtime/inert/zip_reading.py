"""Members of a stranger's zip: sizes are bounded before a byte is unpacked, and no file is written."""

import io
import zipfile
import zlib
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import read_regular
from lander_runtime.text import quoted

LARGEST_FILE = 2**30
"""Bytes of a zip on the disk."""
_MOST_MEMBERS = 4096
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


class ZipMembers:
    """The members of a zip file, read by name.

    Raises:
        InputRefused: it is no zip file, too large, encrypted, or has two members of one name.
    """

    def __init__(self, content: bytes, where: str) -> None:
        self.where = where
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # A damaged directory can raise anything.
            raise InputRefused(f"{where}: not a zip file, or a damaged one.") from error
        members = self._archive.infolist()
        self._members = {info.filename: info for info in members}
        if len(members) > _MOST_MEMBERS or len(self._members) != len(members):
            raise InputRefused(f"{where}: a zip file with {len(members)} members, some of the same name.")

    @classmethod
    def open(cls, path: Path, where: str) -> "ZipMembers":
        """Read the file at `path`, called `where` in messages; raises like the class."""
        return cls(read_regular(path, LARGEST_FILE), where)

    @property
    def names(self) -> list[str]:
        return list(self._members)

    @property
    def unpacked_bytes(self) -> int:
        """What all members say they need."""
        return sum(info.file_size for info in self._members.values())

    @property
    def all_stored(self) -> bool:
        """Whether no member is compressed."""
        return all(info.compress_type == zipfile.ZIP_STORED for info in self._members.values())

    def read(self, name: str, largest: int) -> bytes:
        """The bytes of a member.

        Raises:
            InputRefused: there is no such member, it has more than `largest` bytes, or it is damaged.
        """
        info = self._members.get(name)
        if info is None:
            raise InputRefused(f"{self.where}: has no {name!r} inside.")
        if info.file_size > largest:
            raise InputRefused(
                f"{self.where}: {quoted(name)} says it has {info.file_size:,} bytes; at most "
                f"{largest:,} are read."
            )
        if info.compress_type not in _COMPRESSIONS or info.flag_bits & _ENCRYPTED:
            raise InputRefused(f"{self.where}: {quoted(name)} is encrypted or packed in an unusual way.")
        try:
            with self._archive.open(info) as member:
                # No more than the size that was checked, whatever the packed bytes would give.
                content = member.read(info.file_size)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,  # A place before the beginning of the file.
        ) as error:
            raise InputRefused(f"{self.where}: {quoted(name)} is damaged.") from error
        if len(content) != info.file_size:
            raise InputRefused(f"{self.where}: {quoted(name)} is shorter than it says.")
        return content
