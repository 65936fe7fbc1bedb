"""Speed of `lander eval` compared with the bare environments and with Stable-Baselines3.

    python benchmarks/eval_speed.py [--episodes 10_000] [--rounds 5] [--sb3-episodes 500]
    python benchmarks/eval_speed.py --table benchmarks/results/eval_speed.json

Contenders take turns, each in new processes, and every ratio is taken within a round, so that a change of the
machine's speed affects both sides; medians over the rounds are printed.

    bare-1, bare-all      only Gymnasium's environments, in one process and in one for each core at the same
                          time: reset and step with the actions of the shipped policy, recorded beforehand on
                          the same seeds (peers/bare_environments.py)
    lander-1, lander-all  `evaluate` with one worker and with one for each core, including their start
    sb3-1, sb3-vec        `evaluate_policy` with the same network and weights, one environment and 32 in
                          a DummyVecEnv (peers/stable_baselines_evaluate.py); over `--sb3-episodes`: with
                          few of them, most of the 32 environments wait for the last episodes
    sb3-1-rgb-array, sb3-vec-rgb-array
                          the same in environments as `make_vec_env` makes them from an id: they simulate the
                          engine's smoke although nothing is rendered

Stable-Baselines3 runs in the environment that train_speed.py makes. The file with the results is written
after every round. Exit code 1 where two reports of `lander` differ.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from lander_runtime import Policy, evaluate
from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.files import write_text
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.shipped import shipped_policies
from lander_runtime.workers.cores import available_cores
from machine import machine
from train_speed import make_venv
from trials import markdown, run_script

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
SCHEMA = "lander.eval-speed/1"
SB3_ENVS = 32

Run = dict[str, Any]
"""One measured run: `steps`, `seconds`, `steps_per_second` and more, as a runner printed it."""


def main() -> int:
    """Measure, write, print the table."""
    options = parse()
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return 0
    make_venv(options.venv)
    path = shipped_policies()["lunarlander-v3"]
    policy = Policy.load(path, "cpu")
    results: dict[str, Any] = {
        "schema": SCHEMA,
        "env": policy.info.env.id,
        "policy_sha256": policy.sha256,
        "machine": {**machine(), "cores": available_cores()},
        "command": f"python benchmarks/eval_speed.py --episodes {options.episodes:_} "
        f"--rounds {options.rounds} --sb3-episodes {options.sb3_episodes:_}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "episodes": options.episodes,
        "medians": {},
        "rounds": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        recording, weights = Path(folder) / "recording.npz", Path(folder) / "weights.npz"
        talk(f"Recording {options.episodes:,} episodes")
        record(policy, options.episodes, recording)
        np.savez(weights, **weights_for_sb3(path))
        for number in range(1, options.rounds + 1):
            talk(f"Round {number} of {options.rounds}")
            results["rounds"].append(one_round(path, recording, weights, options))
            results["medians"] = medians(results["rounds"])
            write_text(options.out, json.dumps(results, indent=1, allow_nan=False) + "\n")
    print(table(results))
    talk(f"Next: python benchmarks/eval_speed.py --table {shlex.quote(str(options.out))}")
    reports = {one[name]["report_sha256"] for one in results["rounds"] for name in one if "lander" in name}
    if len(reports) > 1:
        talk(f"The reports of lander differ: {', '.join(sorted(reports))}")
    return int(len(reports) > 1)


def parse() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=10_000, help="of the bare environments and lander")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sb3-episodes", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("eval_speed.json"))
    parser.add_argument("--venv", type=Path, default=HERE.parent / ".bench-venv", help="of Stable-Baselines3")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of a file, run nothing")
    options = parser.parse_args()
    if min(options.episodes, options.rounds, options.sb3_episodes) < 1:
        parser.error("--episodes, --rounds and --sb3-episodes must be at least 1")
    if options.table and not options.table.is_file():
        parser.error(f"--table {options.table}: no such file")
    if not options.table and options.out.exists():
        parser.error(f"{options.out} exists; name another --out, or remove it")
    return options


def record(policy: Policy, episodes: int, file: Path) -> None:
    """Run `episodes` episodes and write their actions into `file`, for peers/bare_environments.py."""
    recorded = _Actions()
    evaluate(policy, episodes=episodes, workers="auto", keep=Keep(actions=True), observer=recorded)
    np.savez(
        file,
        actions=np.concatenate(recorded.actions),
        lengths=np.array([len(actions) for actions in recorded.actions]),
        first_seed=np.array(FIRST_EVALUATION_SEED),
        env=np.array(json.dumps(policy.info.env.to_json())),
    )


class _Actions:
    """An observer that keeps the actions only."""

    def __init__(self) -> None:
        self.actions: list[Any] = []

    def on_episode(self, episode: Episode) -> None:
        assert episode.trajectory is not None
        self.actions.append(episode.trajectory.actions.astype(np.uint8))


def weights_for_sb3(path: Path) -> dict[str, Any]:
    """The actor's weights under their names in Stable-Baselines3's MlpPolicy."""
    weights = {
        tensor.name.removeprefix("actor."): onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.startswith("actor.")
    }
    last = max(name.split(".")[0] for name in weights)
    return {
        name.replace(f"{last}.", "action_net.")
        if name.startswith(f"{last}.")
        else f"mlp_extractor.policy_net.{name}": values
        for name, values in weights.items()
    }


def one_round(path: Path, recording: Path, weights: Path, options: argparse.Namespace) -> dict[str, Run]:
    """Run every contender once."""
    cores = available_cores()
    peer = str(options.venv / "bin" / "python")
    sb3 = [peer, "stable_baselines_evaluate.py", str(weights), "--episodes", str(options.sb3_episodes)]
    ours = [sys.executable, "lander_evaluate.py", str(path), "--episodes", str(options.episodes)]
    runs = {
        "bare-all": bare(recording, cores),
        "lander-all": one(*ours, "--workers", str(cores)),
        "bare-1": bare(recording, 1),
        "lander-1": one(*ours, "--workers", "1"),
        "sb3-1": one(*sb3),
        "sb3-vec": one(*sb3, "--envs", str(SB3_ENVS)),
        "sb3-1-rgb-array": one(*sb3, "--render-mode", "rgb_array"),
        "sb3-vec-rgb-array": one(*sb3, "--envs", str(SB3_ENVS), "--render-mode", "rgb_array"),
    }
    for name, run in runs.items():
        run.setdefault("steps_per_second", run["steps"] / run["seconds"])
        talk(f"    {name:<20}{run['steps_per_second']:10,.0f} steps/s")
    return runs


def bare(recording: Path, processes: int) -> Run:
    """The environments alone, in `processes` processes at the same time; the speeds are added."""
    script = str(PEERS / "bare_environments.py")
    started = [
        subprocess.Popen(
            [sys.executable, script, str(recording), "--part", str(part), "--parts", str(processes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                sys.exit("A process with bare environments ended before it began.")
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        parts = [json.loads(process.communicate()[0] or "null") for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    if None in parts:
        sys.exit("A process with bare environments failed.")
    return {
        "steps": sum(part["steps"] for part in parts),
        "seconds": max(part["seconds"] for part in parts),
        "cpu_seconds": sum(part["cpu_seconds"] for part in parts),
        # Not steps over the longest time: a core that finishes early could have done more.
        "steps_per_second": sum(part["steps"] / part["seconds"] for part in parts),
    }


def one(python: str, script: str, *arguments: str) -> Run:
    """Run a script in peers/ with `python` and return the object that it prints."""
    environment = dict(os.environ)
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)  # It would mix lander's packages into the peers'.
    words = [python, str(PEERS / script), *arguments]
    ran = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if ran.returncode != 0:
        sys.exit(f"{script} failed.")
    return json.loads(ran.stdout)


def medians(rounds: list[dict[str, Run]]) -> dict[str, dict[str, Any]]:
    """Medians over the rounds for every contender: speed, processor time of a step, and three ratios.

    of_bare       speed over that of the bare environments on the same number of cores; these are as Gymnasium
                  makes them, without the quicker parts that lanes give them (`envs/quick.py`)
    of_bare_cpu   the bare environments' processor time of a step over the contender's; other load on the
                  machine hardly changes it
    times_sb3     speed over that of the faster of Stable-Baselines3's two without smoke
    """
    found = {}
    for name in rounds[0]:
        speeds = [one[name]["steps_per_second"] for one in rounds]
        bare_ones = [one["bare-all" if name.endswith("-all") else "bare-1"] for one in rounds]
        peers = [max(one["sb3-1"]["steps_per_second"], one["sb3-vec"]["steps_per_second"]) for one in rounds]
        found[name] = {
            "steps_per_second": statistics.median(speeds),
            "range": [min(speeds), max(speeds)],
            "cpu_us": statistics.median(cpu_us(one[name]) for one in rounds),
            "of_bare": statistics.median(
                speed / other["steps_per_second"] for speed, other in zip(speeds, bare_ones, strict=True)
            ),
            "of_bare_cpu": statistics.median(
                cpu_us(other) / cpu_us(one[name]) for one, other in zip(rounds, bare_ones, strict=True)
            ),
            "times_sb3": statistics.median(speed / peer for speed, peer in zip(speeds, peers, strict=True)),
        }
    return found


def cpu_us(run: Run) -> float:
    """Microseconds of processor time that a step took."""
    return run["cpu_seconds"] / run["steps"] * 1e6


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table, after a line on machine, date and command."""
    on, rounds = results["machine"], results["rounds"]
    rows = []
    for name, row in medians(rounds).items():
        low, high = row["range"]
        rows.append(
            [
                name,
                f"{rounds[0][name]['steps']:,}",
                f"{row['steps_per_second']:,.0f} ({low:,.0f} to {high:,.0f})",
                f"{row['of_bare']:.1%}",
                f"{row['times_sb3']:.2f}x",
                f"{row['cpu_us']:.1f} us",
                f"{row['of_bare_cpu']:.1%}",
            ]
        )
    columns = ["contender", "steps", "steps/s (range)", "of bare", "of the faster SB3"]
    columns += ["CPU time of a step", "of bare in CPU time"]
    return "\n".join(
        [
            f"{results['env']}, {on['cpu']}, {on['cores']} cores, {results['date'][:10]}. Medians of "
            f"{len(rounds)} rounds, ratios within each; `{results['command']}`.",
            "",
            markdown(columns, rows),
        ]
    )


def talk(text: str) -> None:
    """Print progress on stderr; stdout is for the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_script(main)
