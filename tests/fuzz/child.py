"""One process of a fuzz: `python -m tests.fuzz.child TARGET FOLDER FIRST`, reads files until it is stopped.

It writes the number of the file that it reads into FOLDER/at, so that the watching process knows what killed
it.
"""

import json
import mmap
import os
import random
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path

from tests.fuzz.targets import TARGETS

from lander_runtime.errors import LanderError

if sys.platform != "win32":
    import resource

MOST_SECONDS = 5.0
"""Of processor time, for one file."""
MOST_MEGABYTES = 1000
"""Resident, of the whole process."""


def content(target: str, seeds: list[tuple[str, bytes]], number: int) -> tuple[str, bytes]:
    """The name and the content of the file with this number; of one number always the same."""
    rng = random.Random(f"{target} {number}")
    name, data = rng.choice(seeds)
    return name, TARGETS[target].change(rng, data)


def seeds_of(target: str, folder: Path) -> list[tuple[str, bytes]]:
    """The valid files, made once for all processes of a run."""
    kept = folder / "seeds"
    if not kept.exists():
        made = folder / "making"
        made.mkdir()
        found = TARGETS[target].seeds(folder)
        for name, data in found:
            (made / name).write_bytes(data)
        made.rename(kept)
    return [(file.name, file.read_bytes()) for file in sorted(kept.iterdir())]


def main(target: str, folder: Path, first: int) -> None:
    warnings.simplefilter("ignore")
    seeds = seeds_of(target, folder)
    with (folder / "at").open("r+b") as file, mmap.mmap(file.fileno(), 24) as at:
        refused = 0
        number = first
        while True:
            at[:] = struct.pack("<QQQ", number, number - first, refused)
            refused += _read(target, folder, seeds, number)
            number += 1


def _read(target: str, folder: Path, seeds: list[tuple[str, bytes]], number: int) -> bool:
    """Read one file; whether it was refused. What is wrong goes into FOLDER/found.jsonl."""
    name, data = content(target, seeds, number)
    path = folder / name
    path.write_bytes(data)
    start, refused = time.process_time(), False
    try:
        TARGETS[target].read(path)
    except LanderError as error:
        refused = True
        if not str(error).isprintable() or len(str(error)) > 1200:
            _report(folder, number, "an error that cannot be printed, or of more than 1,200 characters")
    except (Exception, RecursionError):
        _report(folder, number, traceback.format_exc()[-1500:])
    seconds = time.process_time() - start
    if seconds > MOST_SECONDS:
        _report(folder, number, f"{seconds:.1f} s")
    if sys.platform != "win32":
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**20 if sys.platform == "darwin" else 1024
        )
        if megabytes > MOST_MEGABYTES:
            _report(folder, number, f"{megabytes:.0f} MB")
            os._exit(3)  # The largest that it ever had does not shrink.
    return refused


def _report(folder: Path, number: int, what: str) -> None:
    with (folder / "found.jsonl").open("a") as file:
        file.write(json.dumps({"number": number, "what": what}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
