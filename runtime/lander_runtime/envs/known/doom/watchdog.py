"""A process that outlives the one that started it by a moment, to end the engines which that one has left.

Run as a script, with the standard library alone: nothing that is killed can clean up after itself. What
an engine leaves, beside itself, is a folder and some 10 MB of shared memory. Linux only, by /proc.
"""

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

_INSTANCE = b"+viz_instance_id"


def main() -> None:
    """Read `+FOLDER` and `-FOLDER`, a line each, until the other side is gone; then end what is left."""
    folders: set[str] = set()
    for line in sys.stdin.buffer:
        sign, folder = line[:1], os.fsdecode(line[1:].rstrip(b"\n"))
        if sign == b"+":
            folders.add(folder)
        else:
            folders.discard(folder)
    _end(folders)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    # One that was just about to enter its folder, which is no longer there to be entered.
    _end(folders)


def _end(folders: set[str]) -> None:
    """Kill the processes that run in one of `folders`; only an engine does."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # By where they run and not by number, which may be somebody else's by now.
            if str((process / "cwd").readlink()).removesuffix(" (deleted)") not in folders:
                continue
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            os.kill(int(process.name), signal.SIGKILL)
            if _INSTANCE in arguments[:-1]:
                instance = os.fsdecode(arguments[arguments.index(_INSTANCE) + 1])
                for shared in Path("/dev/shm").glob(f"ViZDoom*{instance}"):
                    shared.unlink()


if __name__ == "__main__":
    main()
