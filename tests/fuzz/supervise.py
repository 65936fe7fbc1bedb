"""Runs a fuzz in processes of its own, so that a file that ends one is found and the fuzz goes on."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_MEMORY = Path("/dev/shm")
"""Where writing a file costs least, on Linux."""
_HANGS_S = 20.0
"""Of processor time in one file, above what a process says itself."""
_LOOK_EVERY_S = 0.2
_STARTS_S, _FEWEST = 60.0, 20
"""Above the time that was asked for, until a process has read so many files."""


@dataclass
class Outcome:
    """The result of a fuzz of one target."""

    target: str
    first: int
    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    found: list[dict[str, object]] = field(default_factory=list)


def fuzz(target: str, seconds: float, first: int = 0) -> Outcome:
    """Read changed files for so long, from number `first` on."""
    outcome = Outcome(target, first)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        while time.monotonic() - start < seconds:
            (folder / "at").write_bytes(bytes(24))
            died = _run(target, folder, first + outcome.inputs, start + seconds)
            at, done, refused = struct.unpack("<QQQ", (folder / "at").read_bytes())
            if died is not None and done == 0 and at == 0 and first + outcome.inputs > 0:
                raise RuntimeError(f"The fuzz of {target} does not start: {died}")
            if died is not None:
                outcome.found.append({"number": at, "what": died})
            outcome.inputs += done + (died is not None)
            outcome.refused += refused
        found = folder / "found.jsonl"
        if found.exists():
            outcome.found += [json.loads(line) for line in found.read_text().splitlines()]
    outcome.seconds = round(time.monotonic() - start, 1)
    return outcome


def _run(target: str, folder: Path, first: int, end: float) -> str | None:
    """One process until `end`, or until it ends by itself: then how."""
    command = [sys.executable, "-m", "tests.fuzz.child", target, str(folder), str(first)]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=errors)
    last, used = -1, 0.0
    # Starting takes seconds, on a busy machine many: a few files are read all the same.
    patience = end + _STARTS_S
    try:
        while time.monotonic() < end or (_done(folder) < _FEWEST and time.monotonic() < patience):
            try:
                code = process.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                at = struct.unpack("<Q", (folder / "at").read_bytes()[:8])[0]
                if at != last:
                    last, used = at, _processor_seconds(process.pid)
                elif _processor_seconds(process.pid) - used > _HANGS_S:
                    return "no end"
                continue
            said = (folder / "stderr").read_text(errors="replace")[-600:]
            # It says itself that it had too much memory.
            return None if code == 3 else f"the process ended with {code}: {said}"
        return None
    finally:
        process.kill()
        process.wait()


def _done(folder: Path) -> int:
    """How many files the process has read."""
    return struct.unpack("<QQQ", (folder / "at").read_bytes())[1]


def _processor_seconds(pid: int) -> float:
    """What a process has used so far; where the system does not say, the time of day."""
    try:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
