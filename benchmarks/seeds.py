"""Trains a preset with many seeds: scores on held-out episodes, and a picture of the learning curves.

    python benchmarks/seeds.py --seeds 10 --steps 500_000 [--preset default] [--set key=value ...] [--resume]

Training seeds are 1, 2, ...; the best weights of each run are scored greedily on the evaluation episodes
(seeds from 1,000,000 on), which no search and no training uses. Writes a JSON file with all figures after
each seed, and at the end a PNG of the learning curves with the same name. `--resume` runs the seeds that the
file lacks.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lander_runtime import envs
from lander_runtime.files import write_text
from lander_runtime.scores.intervals import mean_interval
from lander_runtime.scores.summary import interquartile_mean
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_trainer import TrainConfig, preset, training_command
from machine import machine
from seeds_picture import draw_seeds
from trials import ENV, Outcome, Trial, markdown, run_many, run_script, versions

SCHEMA = "lander.seeds/1"

MOST_SEEDS = 100
"""Training seeds from 101 on are for the searches."""


def main() -> int:
    """Measure, write, draw and print; 1 where a run was stopped."""
    options = _options()
    base = (
        preset(ENV, options.preset, options.backend)
        .with_values({"steps": options.steps})
        .with_assignments(options.set)
    )
    found = finished(options, base)
    seeds = [seed for seed in range(1, options.seeds + 1) if seed not in {trial.seed for trial in found}]
    configs = [base.with_values({"seed": seed}) for seed in seeds]
    # Reported with the figures and by the exit code: leaving them out silently would flatter the preset.
    stopped: dict[int, str] = {}

    def on_done(index: int, outcome: Outcome) -> None:
        if isinstance(outcome, Trial):
            found.append(outcome)
        else:
            stopped[seeds[index]] = str(outcome)
        what = f"score {outcome.mean:.1f}" if isinstance(outcome, Trial) else str(outcome)
        print(f"seed {seeds[index]} of {options.seeds}: {what}", file=sys.stderr, flush=True)
        write_text(options.out, json.dumps(results(options, base, found, stopped), allow_nan=False) + "\n")

    run_many(configs, options.jobs, episodes=options.episodes, on_done=on_done)
    if found:
        trials = in_order(found)
        threshold = envs.resolve(base.env, base.env_kwargs).reward_threshold
        draw_seeds(trials, options.out.with_suffix(".png"), title=_title(base, trials), threshold=threshold)
        print(table(trials))
    for seed, reason in stopped.items():
        print(f"Seed {seed} was stopped and is in no figure: {reason}", file=sys.stderr)
    print(f"{options.out}, {options.out.with_suffix('.png')}", file=sys.stderr)
    return 1 if stopped else 0


def finished(options: argparse.Namespace, base: TrainConfig) -> list[Trial]:
    """The trials that `--resume` keeps; exits where the file's are of other settings."""
    if not (options.resume and options.out.exists()):
        return []
    kept = json.loads(options.out.read_text(encoding="utf-8"))
    settings = json.loads(json.dumps(base.to_dict()))  # tuples become lists
    if (kept["settings"], kept["episodes"]) != (settings, options.episodes):
        sys.exit(f"{options.out} holds trials of other settings or episodes; name another --out.")
    return [Trial.from_json(trial) for trial in kept["trials"] if trial["seed"] <= options.seeds]


def results(
    options: argparse.Namespace, base: TrainConfig, trials: Sequence[Trial], stopped: dict[int, str]
) -> dict[str, Any]:
    """What the file holds, the trials by their seeds."""
    return {
        "schema": SCHEMA,
        "command": shlex.join(["python", "benchmarks/seeds.py", *sys.argv[1:]]),
        "training_command": training_command(base),
        "preset": options.preset,
        "settings": base.to_dict(),
        "episodes": options.episodes,
        "first_episode_seed": FIRST_EVALUATION_SEED,
        "jobs": options.jobs,
        "machine": machine(),
        "versions": versions(),
        "summary": summary(in_order(trials)) if trials else None,
        "stopped": stopped,
        "trials": [trial.to_json() for trial in in_order(trials)],
    }


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """By training seed: they finish in any order."""
    return sorted(trials, key=lambda trial: trial.seed)


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Figures over all runs.

    `score` is the mean over training seeds and `ci95` its bootstrap interval over them (None for one
    seed); `iqm_return` and `landing_rate` are over all episodes of all seeds.
    """
    scores = np.array([trial.mean for trial in trials])
    returns = np.concatenate([trial.returns for trial in trials])
    lowest = min(trials, key=lambda trial: trial.mean)
    return {
        "score": float(scores.mean()),
        "std_over_seeds": float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        "ci95": list(mean_interval(scores)) if len(scores) > 1 else None,
        "iqm_return": interquartile_mean(returns),
        "landing_rate": float(np.mean([trial.success_rate for trial in trials])),
        "lowest_seed": {"seed": lowest.seed, "score": lowest.mean},
        "lowest_return": float(returns.min()),
        "reached_200": sum(trial.steps_to_200 is not None for trial in trials),
    }


def table(trials: Sequence[Trial]) -> str:
    """A Markdown table: a row for each training seed and one for all, with an explanation."""
    columns = ("seed", "score", "lowest", "landed", "steps to 200", "time to 200", "training time")
    rows = [
        [
            str(trial.seed),
            f"{trial.mean:.1f} ± {trial.std:.1f}",
            f"{trial.min:.1f}",
            f"{trial.success_rate:.1%}",
            "never" if trial.steps_to_200 is None else f"{trial.steps_to_200:,}",
            "never" if trial.seconds_to_200 is None else f"{trial.seconds_to_200:.0f} s",
            f"{trial.seconds:.0f} s",
        ]
        for trial in trials
    ]
    whole = summary(trials)
    interval = whole["ci95"]
    rows.append(
        [
            "all",
            f"{whole['score']:.1f}",
            f"{whole['lowest_return']:.1f}",
            f"{whole['landing_rate']:.1%}",
            f"{whole['reached_200']} of {len(trials)}",
            "",
            f"{np.mean([trial.seconds for trial in trials]):.0f} s",
        ]
    )
    within = (
        "" if interval is None else f" (95% of bootstraps over seeds: {interval[0]:.1f} to {interval[1]:.1f})"
    )
    return (
        f"{markdown(columns, rows)}\n\n"
        f"Mean over {len(trials)} training seeds {whole['score']:.1f}{within}; IQM of all "
        f"{sum(len(trial.returns) for trial in trials):,} episodes {whole['iqm_return']:.1f}; lowest seed "
        f"{whole['lowest_seed']['seed']} with {whole['lowest_seed']['score']:.1f}. "
        "An episode landed when its return reached the environment's threshold."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="training seeds, from 1")
    parser.add_argument("--steps", type=int, default=500_000, help="of each run")
    parser.add_argument("--episodes", type=int, default=100, help="scored for each seed")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time; 1 for undisturbed times")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--backend", default="native", help="whose settings of the preset hold")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="key=value")
    parser.add_argument("--out", type=Path, help="default: seeds-500k.json, as the steps")
    parser.add_argument("--resume", action="store_true", help="keep the seeds that the file has")
    options = parser.parse_args()
    if min(options.seeds, options.episodes, options.jobs) < 1:
        parser.error("--seeds, --episodes and --jobs must be at least 1.")
    if options.seeds > MOST_SEEDS:
        parser.error(f"--seeds must be at most {MOST_SEEDS}: those after them serve the searches.")
    if any(text.partition("=")[0].strip() in ("seed", "steps", "env") for text in options.set):
        parser.error("--set takes neither seed nor steps nor env; use --seeds and --steps.")
    if options.out is None:
        options.out = Path(f"seeds-{_short(options.steps)}.json")
    return options


def _short(steps: int) -> str:
    """500_000 as 500k, 2_500_000 as 2500k, 1_000_000 as 1M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if steps % size == 0:
            return f"{steps // size}{letter}"
    return str(steps)


def _title(config: TrainConfig, trials: Sequence[Trial]) -> str:
    backends = ", ".join(sorted({trial.backend for trial in trials}))
    count = "1 seed" if len(trials) == 1 else f"{len(trials)} seeds"
    return f"{config.env}: {count} x {config.steps:,} steps, {backends}"


if __name__ == "__main__":
    run_script(main)
