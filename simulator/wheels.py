"""Builds a wheel for each system that the simulator is made for, cross-compiled by zig, into dist/.

    python simulator/wheels.py [--only LINUX-OR-OTHER-TRIPLE ...] [--out dist]

Installs PyPI's ziglang and build into a temporary environment of their own. Fails where any of them fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "simulator"))

from lander_simulator.build import TARGETS  # noqa: E402


def main() -> int:
    """Builds the wheels and prints their names."""
    parser = argparse.ArgumentParser(description="Build a wheel for each system.")
    parser.add_argument(
        "--only", nargs="*", choices=[target.zig for target in TARGETS], help="default: all of them"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch) / ("Scripts" if os.name == "nt" else "bin") / "python"
        tools = ["build", "hatchling>=1.27", "ziglang>=0.13"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *tools], check=True)
        for target in TARGETS:
            if options.only and target.zig not in options.only:
                continue
            environment = {**os.environ, "LANDER_SIMULATOR_TARGET": target.zig}
            command = [
                python,
                "-m",
                "build",
                "--wheel",
                "--no-isolation",
                "--outdir",
                str(options.out),
                str(ROOT),
            ]
            subprocess.run(command, check=True, env=environment)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
