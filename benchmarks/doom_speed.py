"""Training speed in Doom, in decisions a second: this trainer beside Stable-Baselines3's CNN policy.

    python benchmarks/doom_speed.py [--steps 20_000] [--rounds 3] [--env VizdoomHealthGatheringSupreme-v1]
    python benchmarks/doom_speed.py --table benchmarks/results/doom_speed.json

Both train in the same 16 environments: the same engine, image, frame skip and wrappers, built by the same
function, with the engines in processes on the same cores. Colour frames become channels for
Stable-Baselines3, which takes no other layout. Both take turns, each in a new process, so that a change of
the machine's speed affects both; ratios are taken within a round, and the median over rounds is printed. The
clock runs from the first step to the end of training, without imports and without the start of the engines.

    lander      the environment's preset `default`, without selections
    sb3         PPO("CnnPolicy"), one process an environment, settings of RL Baselines3 Zoo for Atari
    sb3-alike   the same with lander's network and settings: only the implementation differs

Stable-Baselines3 runs in an environment of its own, made on first use from peers/requirements.txt.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lander_runtime.files import write_text
from lander_trainer import preset
from machine import machine
from train_speed import HERE, PEERS, make_venv, talk
from trials import markdown

SCHEMA = "lander.doom-speed/1"
CONTENDERS = ("lander", "sb3", "sb3-alike")


def main() -> int:
    """Measure, write, print the table."""
    options = parse()
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return 0
    make_venv(options.venv)
    results: dict[str, Any] = {
        "schema": SCHEMA,
        "env": options.env,
        "machine": machine(),
        "command": f"python benchmarks/doom_speed.py --env {options.env} --steps {options.steps:_} "
        f"--rounds {options.rounds}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": [],
    }
    for number in range(1, options.rounds + 1):
        talk(f"Round {number} of {options.rounds}")
        found = {name: run(name, number, options) for name in CONTENDERS}
        for name, measured in found.items():
            talk(f"    {name:<10} {measured['steps_per_second']:>7,.0f} decisions/s")
        results["rounds"].append(found)
        results["medians"] = medians(results["rounds"])
        write_text(options.out, json.dumps(results, indent=1, allow_nan=False) + "\n")
    print(table(results))
    return 0


def run(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One training run in a process of its own."""
    if name == "lander":
        words = [sys.executable, str(PEERS / "lander_doom.py")]
        environment = dict(os.environ)
    else:
        words = [str(options.venv / "bin" / "python"), str(PEERS / "stable_baselines_doom.py"), name]
        # Only lander's runtime, which builds the environments; the peers' environment has all that it needs.
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "runtime")}
    settings = json.dumps(preset(options.env).to_dict())
    words += [options.env, "--steps", str(options.steps), "--seed", str(seed), "--settings", settings]
    process = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    return json.loads(process.stdout.splitlines()[-1])


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds of speeds, and of ratios taken within a round."""
    return {
        name: {
            "steps_per_second": statistics.median(found[name]["steps_per_second"] for found in rounds),
            "times_sb3": statistics.median(
                found[name]["steps_per_second"] / found["sb3"]["steps_per_second"] for found in rounds
            ),
            "range": [pick(found[name]["steps_per_second"] for found in rounds) for pick in (min, max)],
        }
        for name in CONTENDERS
    }


def table(results: dict[str, Any]) -> str:
    """The medians as Markdown."""
    rows = [
        [
            name,
            f"{row['steps_per_second']:,.0f}",
            f"{row['range'][0]:,.0f} to {row['range'][1]:,.0f}",
            f"{row['times_sb3']:.2f}",
        ]
        for name, row in results["medians"].items()
    ]
    where = results["machine"]
    return (
        f"{results['env']}, {len(results['rounds'])} rounds, {where['cpu']}, {where['cores']} cores\n\n"
        + markdown(("", "decisions/s", "range", "times sb3"), rows)
    )


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="VizdoomHealthGatheringSupreme-v1")
    parser.add_argument("--steps", type=int, default=20_000, help="decisions of every run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("doom_speed.json"))
    parser.add_argument("--venv", type=Path, default=HERE.parent / ".bench-venv", help="of Stable-Baselines3")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of a file, run nothing")
    options = parser.parse_args()
    if min(options.steps, options.rounds) < 1:
        parser.error("--steps and --rounds must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
