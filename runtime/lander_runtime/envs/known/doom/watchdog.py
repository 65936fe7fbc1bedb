"""Ends Doom's engines after the process that started them has ended, also if it was killed.

A killed process cannot clean up after itself, so a second process does. This one runs as a script with the
standard library alone. An engine leaves a folder and some 10 MB of shared memory. Linux only (/proc).
"""

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

_INSTANCE = b"+viz_instance_id"


def main() -> None:
    """Read lines `+FOLDER` and `-FOLDER` until the pipe closes; then end the engines that are left."""
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
    # Again, for an engine that was about to enter its folder; after this the folder no longer exists.
    _end(folders)


def _end(folders: set[str]) -> None:
    """Kill the processes whose working directory is one of `folders`: only engines run there."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # By working directory and not by process id, which the system may have reused.
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
