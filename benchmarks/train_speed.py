"""Compares trainers on LunarLander-v3: steps a second, time to solve, score, memory.

    python benchmarks/train_speed.py [--steps 1_000_000] [--runs 5] [--only lander-native,sb3]
    python benchmarks/train_speed.py --table benchmarks/results/train_speed.json

Every run is a new process, and contenders take turns (A B C A B C ...), so that a change of the machine's
speed affects all of them; run r has seed r. The clock starts when imports, environments and networks are
ready, and stops when training returns: compilation in the first steps, saving, and this trainer's selections
count (benchmarks/peers/measure.py). The time of the whole process, including imports and scoring, is
`process_seconds`.

    lander-native, lander-envpool,     this trainer, preset `default`, one PyTorch thread
    lander-gymnasium
    lander-envpool-cuda, ...-cuda      the same with its networks on a GPU
    notebook                           the training loop that this project started from (peers/notebook.py)
    sb3, sbx                           PPO of Stable-Baselines3 and of SBX, settings of RL Baselines3 Zoo
    notebook-1-thread, sb3-1-thread    the same with one PyTorch thread. By default PyTorch takes one a
                                       core, and then any other load makes it many times slower
    sb3-rgb-array, sbx-rgb-array       the same in environments as `make_vec_env` makes them from an id: they
                                       simulate smoke although nothing is rendered
                                       (peers/stable_baselines.py)

`sb3` and `sbx` run in an environment of their own, made on first use from peers/requirements.txt. The
file with the results is written after every run.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lander_runtime.files import write_text
from machine import machine
from speed_table import medians, processor_table, table

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
REQUIREMENTS = PEERS / "requirements.txt"
SCHEMA = "lander.train-speed/1"

CONTENDERS: dict[str, tuple[str, ...]] = {
    "lander-native": ("lander.py", "lander-native"),
    "lander-envpool": ("lander.py", "lander-envpool"),
    "lander-gymnasium": ("lander.py", "lander-gymnasium"),
    "notebook": ("notebook.py",),
    "sb3": ("stable_baselines.py", "sb3"),
    "sbx": ("stable_baselines.py", "sbx"),
    "notebook-1-thread": ("notebook.py", "--threads", "1"),
    "sb3-1-thread": ("stable_baselines.py", "sb3", "--threads", "1"),
    "sbx-1-thread": ("stable_baselines.py", "sbx", "--threads", "1"),
    "lander-envpool-cuda": ("lander.py", "lander-envpool", "--device", "cuda"),
    "lander-gymnasium-cuda": ("lander.py", "lander-gymnasium", "--device", "cuda"),
    "sb3-rgb-array": ("stable_baselines.py", "sb3", "--render-mode", "rgb_array"),
    "sbx-rgb-array": ("stable_baselines.py", "sbx", "--render-mode", "rgb_array"),
}
"""Name -> script in peers/ and its arguments."""

DEFAULT = "lander-native,lander-gymnasium,notebook,sb3,sbx"


def main() -> int:
    """Measure, write, print the table; 1 where a contender failed."""
    options = parse()
    if options.table:
        results = json.loads(options.table.read_text(encoding="utf-8"))
        print(table(results), processor_table(results["runs"]), sep="\n\n")
        return 0
    results = open_results(options)
    plan = [(seed, name) for seed in range(1, options.runs + 1) for name in options.only]
    done = {(run["seed"], run["contender"]) for run in results["runs"]}
    plan = [turn for turn in plan if turn not in done]
    if any(needs_venv(name) for _, name in plan):
        make_venv(options.venv)
    failed: set[str] = set()
    for number, (seed, name) in enumerate(plan, start=1):
        if name in failed:
            continue
        steps = options.steps_of.get(name, options.steps)
        talk(f"[{number} of {len(plan)}] {name}, seed {seed}, {steps:,} steps")
        run = measure(name, seed, steps, options)
        if run is None:
            talk(f"{name} failed and is left out from here on")
            failed.add(name)
            continue
        talk(
            f"    {run['steps_per_second']:,.0f} steps/s, {run['seconds']:.1f} s, "
            f"greedy {run['greedy_mean']:.1f}"
        )
        results["runs"].append(run)
        results["medians"] = medians(results["runs"])
        # Written atomically after each run, so that an interruption loses no finished run.
        write_text(options.out, json.dumps(results, indent=1, allow_nan=False) + "\n")
    if results["runs"]:
        print(table(results), processor_table(results["runs"]), sep="\n\n")
        talk(f"Next: python benchmarks/train_speed.py --table {shlex.quote(str(options.out))}")
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1_000_000, help="of every run")
    parser.add_argument("--steps-of", default="", help="exceptions: sb3=200_000,notebook=2_500_000")
    parser.add_argument("--until-solved", action="store_true", help="stop each at a training mean of 200")
    parser.add_argument("--runs", type=int, default=5, help="of every contender")
    parser.add_argument("--only", default=DEFAULT, help=f"of {', '.join(CONTENDERS)}; default {DEFAULT}")
    parser.add_argument("--out", type=Path, default=Path("train_speed.json"))
    parser.add_argument("--resume", action="store_true", help="add the runs that an existing file lacks")
    parser.add_argument("--venv", type=Path, default=HERE.parent / ".bench-venv", help="of sb3 and sbx")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of a file, run nothing")
    options = parser.parse_args()
    options.only = list(dict.fromkeys(options.only.split(",")))
    try:
        exceptions = (item.split("=") for item in options.steps_of.split(",") if item)
        options.steps_of = {name: int(steps) for name, steps in exceptions}
    except ValueError:
        parser.error(f"--steps-of {options.steps_of} is not of the form sb3=200_000,notebook=2_500_000")
    unknown = [name for name in [*options.only, *options.steps_of] if name not in CONTENDERS]
    if unknown:
        parser.error(f"no contender {', '.join(unknown)}; there are {', '.join(CONTENDERS)}")
    if min([options.runs, options.steps, *options.steps_of.values()]) < 1:
        parser.error("--runs and all steps must be at least 1")
    if options.table and not options.table.is_file():
        parser.error(f"--table {options.table}: no such file")
    if not options.table and options.out.exists() and not options.resume:
        parser.error(f"{options.out} exists; add --resume to add to it, or name another --out")
    return options


def open_results(options: argparse.Namespace) -> dict[str, Any]:
    """The results to add to: those of the file, or empty ones.

    Exits where the file is of another machine or has runs of another length.
    """
    here = describe_machine()
    if not options.out.exists():
        empty = {"schema": SCHEMA, "env": "LunarLander-v3", "machine": here, "commands": []}
        return {**empty, "commands": [command(options)], "medians": {}, "runs": []}
    results = json.loads(options.out.read_text(encoding="utf-8"))
    # Only the entries in the file: an older file has fewer.
    if any(here.get(name) != value for name, value in results["machine"].items()):
        sys.exit(
            f"{options.out} is of another machine ({results['machine']}, here {here}); name another --out."
        )
    for run in results["runs"]:
        steps = options.steps_of.get(run["contender"], options.steps)
        if run["contender"] in options.only and run["steps_asked"] != steps:
            sys.exit(
                f"{options.out} holds runs of {run['contender']} over {run['steps_asked']:,} steps; "
                f"add --steps-of {run['contender']}={run['steps_asked']} or name another --out."
            )
    results["commands"] = list(dict.fromkeys([*results["commands"], command(options)]))
    return results


def command(options: argparse.Namespace) -> str:
    """The command that measures the same again, without the paths of files."""
    words = ["python", "benchmarks/train_speed.py", "--steps", f"{options.steps:_}"]
    words += ["--runs", str(options.runs), "--only", ",".join(options.only)]
    if options.steps_of:
        exceptions = (f"{name}={steps:_}" for name, steps in options.steps_of.items())
        words += ["--steps-of", ",".join(exceptions)]
    words += ["--until-solved"] * options.until_solved
    return shlex.join(words)


def describe_machine() -> dict[str, Any]:
    """What the speed depends on, without the machine's name."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    threads = {name: os.environ[name] for name in names if name in os.environ}
    return {**machine(), "python": platform.python_version(), "environment": threads}


def needs_venv(name: str) -> bool:
    """Whether the contender runs in the peers' environment."""
    return CONTENDERS[name][0] == "stable_baselines.py"


def make_venv(folder: Path) -> None:
    """Make the peers' environment, unless it exists and matches peers/requirements.txt."""
    wanted, stamp = REQUIREMENTS.read_text(encoding="utf-8"), folder / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    talk(f"Installing {REQUIREMENTS.name} into {folder}")
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)]
    # Else pip takes packages on that path for installed, and measure() runs without it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(install, check=True, stdout=sys.stderr, env=environment)
    stamp.write_text(wanted, encoding="utf-8")


def measure(name: str, seed: int, steps: int, options: argparse.Namespace) -> dict[str, Any] | None:
    """One run in a new process; None if it failed."""
    script, *arguments = CONTENDERS[name]
    environment = dict(os.environ)
    python = sys.executable
    if needs_venv(name):
        python = str(options.venv / "bin" / "python")
        environment.pop("PYTHONPATH", None)  # it would mix lander's packages into the peers'
    words = [python, str(PEERS / script), *arguments, "--steps", str(steps), "--seed", str(seed)]
    words += ["--until-solved"] * options.until_solved
    load, started = os.getloadavg()[0], time.perf_counter()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    process = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    seconds = time.perf_counter() - started
    try:
        measured = json.loads(process.stdout) if process.returncode == 0 else None
    except json.JSONDecodeError:
        talk(f"expected one JSON object, got {process.stdout[:200]!r}")
        measured = None
    if measured is None:
        return None
    return {
        "contender": name,
        "seed": seed,
        "steps_asked": steps,
        **measured,
        "process_seconds": round(seconds, 3),
        "date": date,
        "load_before": round(load, 2),
    }


def talk(text: str) -> None:
    """Print progress on stderr; stdout is for the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        talk("Interrupted; the finished runs are written. Go on with the same command and --resume.")
        sys.exit(130)
