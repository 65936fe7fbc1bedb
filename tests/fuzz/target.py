"""One kind of file that is fuzzed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """Where valid files come from, how they are changed, and what reads them."""

    seeds: Callable[[Path], list[tuple[str, bytes]]]
    """Names and contents of valid files; the folder is one that the run may write in."""
    change: Callable[[random.Random, bytes], bytes]
    read: Callable[[Path], None]
    """Read a file and use it as a command would; raises the project's own errors only."""
