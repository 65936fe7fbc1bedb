"""Names of files as callers give them."""

import os
from pathlib import Path

Filename = str | os.PathLike[str]


def path_of(name: Filename | None) -> Path | None:
    """A file's name as a path; None stays None."""
    return None if name is None else Path(name)
