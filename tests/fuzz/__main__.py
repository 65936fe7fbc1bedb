"""Fuzz what reads files: `python -m tests.fuzz --minutes 60 --target policy`, from the folder of the
repository.

Files of one number are always the same: `--only NUMBER --target NAME` reads one of them in this process, and
leaves it in the current folder. The exit code is 1 where something was found.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from tests.fuzz.supervise import fuzz
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, help="what to fuzz (default: all, one after the other)")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together")
    parser.add_argument("--first", type=int, default=0, help="the number of the first file")
    parser.add_argument("--only", type=int, help="read the file of this number and no other")
    args = parser.parse_args()
    targets = [args.target] if args.target else list(TARGETS)
    if args.only is not None:
        _read_one(targets[0], args.only)
        return 0
    found = 0
    for target in targets:
        outcome = fuzz(target, 60 * args.minutes / len(targets), args.first)
        print(json.dumps(dataclasses.asdict(outcome)), flush=True)
        found += len(outcome.found)
    return 1 if found else 0


def _read_one(target: str, number: int) -> None:
    from tests.fuzz.child import content, seeds_of

    with tempfile.TemporaryDirectory() as folder:
        name, data = content(target, seeds_of(target, Path(folder)), number)
    path = Path(f"fuzz-{target}-{number}-{name}")
    path.write_bytes(data)
    print(f"reading {path}", flush=True)
    TARGETS[target].read(path)


if __name__ == "__main__":
    sys.exit(main())
