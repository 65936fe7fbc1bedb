"""What each setting of a preset is worth: one change at a time, the same training seeds for all.

    python benchmarks/ablations.py --steps 500_000 --seeds 5 --jobs 2 [--preset default] [--only NAME,...]
    python benchmarks/ablations.py ... --resume         goes on where it was interrupted
    python benchmarks/ablations.py --table FILE          prints the table of an existing file

Training seeds are 201, 202, ...; scores are greedy, of each run's best weights, on the search episodes (seeds
from 950,000 on), because these results may decide a preset. The file is written after every run.
"""

import argparse
import dataclasses
import json
import math
import shlex
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import write_text
from lander_runtime.scores.intervals import mean_interval
from lander_runtime.scores.summary import interquartile_mean
from lander_runtime.seeds import FIRST_SEARCH_SEED, SEARCH_EPISODES
from lander_trainer import TrainConfig, preset
from machine import machine
from trials import (
    ENV,
    Outcome,
    Trial,
    markdown,
    run_many,
    run_script,
    versions,
)

FIRST_TRAINING_SEED = 201
"""`seeds.py` reports training seeds 1 to 100, `study.py` searches with those from 101 on."""

SCHEMA = "lander.ablations/1"

CHANGES: dict[str, Callable[[TrainConfig], dict[str, Any]]] = {
    "clip-value": lambda base: {"clip_value": True},
    "reward-scale-1": lambda base: {"reward_scale": 1.0},
    "reward-scale-0.01": lambda base: {"reward_scale": 0.01},
    "rollout-32x128": lambda base: _rollout(base, 32, 128),
    "rollout-64x64": lambda base: _rollout(base, 64, 64),
    "rollout-128x64": lambda base: _rollout(base, 128, 64),
    "rollout-16x512": lambda base: _rollout(base, 16, 512),
    "minibatches-half": lambda base: {"minibatches": max(1, base.minibatches // 2)},
    "minibatches-double": lambda base: {"minibatches": base.minibatches * 2},
    "entropy-0": lambda base: {"entropy_coef": 0.0},
    "entropy-third": lambda base: {"entropy_coef": base.entropy_coef / 3},
    "entropy-triple": lambda base: {"entropy_coef": base.entropy_coef * 3},
    "lambda-0.95": lambda base: {"gae_lambda": 0.95},
    "lambda-1": lambda base: {"gae_lambda": 1.0},
    "gae-off": lambda base: {"gae": False},
    "gamma-0.99": lambda base: {"gamma": 0.99},
    "anneal-none": lambda base: {"anneal": "none"},
    "anneal-exponential": lambda base: {"anneal": "exponential"},
    "rate-half": lambda base: {"learning_rate": base.learning_rate / 2},
    "rate-double": lambda base: {"learning_rate": base.learning_rate * 2},
    "width-32": lambda base: {"hidden_sizes": (32, 32)},
    "width-128": lambda base: {"hidden_sizes": (128, 128)},
    "relu": lambda base: {"activation": "relu"},
    "advantages-raw": lambda base: {"normalize_advantages": False},
    "epochs-2": lambda base: {"epochs": 2},
    "epochs-8": lambda base: {"epochs": 8},
    "grad-norm-10": lambda base: {"max_grad_norm": 10.0},
    # After a truncation the value counts as 0, as if the episode had terminated.
    "truncation-bootstrap-off": lambda base: {"bootstrap_truncations": False},
}
"""Every single change, by name: the settings that differ from the base."""

UNCHANGED = "preset"
"""Name of the runs without a change."""


def _rollout(base: TrainConfig, lanes: int, steps: int) -> dict[str, Any]:
    """Another shape of the rollout, with minibatches of the same size."""
    size = base.lanes * base.rollout_steps // base.minibatches
    return {"lanes": lanes, "rollout_steps": steps, "minibatches": max(1, lanes * steps // size)}


@dataclass(frozen=True)
class Results:
    """The contents of an ablations file."""

    about: dict[str, Any]
    """What was measured, how, and on which machine; see `_about`."""
    trials: dict[str, list[Trial]]
    """For each change, in order of training seed."""
    stopped: dict[str, dict[int, str]]
    """For each change, the training seeds whose loss was no longer finite, with the reason."""

    def to_json(self) -> dict[str, Any]:
        plain = {name: [trial.to_json() for trial in trials] for name, trials in self.trials.items()}
        return {"schema": SCHEMA, **self.about, "trials": plain, "stopped": self.stopped}

    @classmethod
    def read(cls, path: Path) -> "Results":
        """An existing file.

        Raises:
            InputRefused: the file is missing or of another kind.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.pop("schema") != SCHEMA:
                raise ValueError(f"not of schema {SCHEMA}")
            trials = {name: [Trial.from_json(t) for t in kept] for name, kept in data.pop("trials").items()}
            stopped = {n: {int(seed): why for seed, why in s.items()} for n, s in data.pop("stopped").items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputRefused(
                f"{path} is no file of ablations ({error}). Give one that benchmarks/ablations.py wrote."
            ) from error
        return cls(data, trials, stopped)

    def add(self, change: str, seed: int, outcome: Outcome) -> None:
        """Add a finished run, in order of training seed."""
        if isinstance(outcome, Trial):
            kept = [*self.trials.get(change, []), outcome]
            self.trials[change] = sorted(kept, key=lambda trial: trial.seed)
        else:
            self.stopped.setdefault(change, {})[seed] = str(outcome)

    def has(self, change: str, seed: int) -> bool:
        """Whether that run is finished."""
        return seed in self.stopped.get(change, {}) or any(
            trial.seed == seed for trial in self.trials.get(change, [])
        )


def main() -> int:
    """Measure, write and print."""
    options = _options()
    if options.table is not None:
        print(table(Results.read(options.table)))
        return 0
    base = preset(ENV, options.preset, options.backend).with_values({"steps": options.steps})
    results = _begin(options, base)
    seeds = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + options.seeds)
    chosen = {UNCHANGED: {}, **_applicable(base, options.only)}
    work = [(name, seed) for name in chosen for seed in seeds if not results.has(name, seed)]
    configs = [base.with_values({**chosen[name], "seed": seed}) for name, seed in work]

    def on_done(index: int, outcome: Outcome) -> None:
        name, seed = work[index]
        results.add(name, seed, outcome)
        write_text(options.out, json.dumps(results.to_json(), allow_nan=False) + "\n")
        what = f"score {outcome.mean:.1f}" if isinstance(outcome, Trial) else str(outcome)
        done = sum(results.has(*item) for item in work)
        print(f"{done} of {len(work)}: {name}, seed {seed}: {what}", file=sys.stderr, flush=True)

    run_many(configs, options.jobs, episodes=options.episodes, first_seed=FIRST_SEARCH_SEED, on_done=on_done)
    print(table(results))
    return 0


def table(results: Results) -> str:
    """The results in Markdown: what was measured, then one row for each change."""
    about = results.about
    heading = (
        f"{about['preset']} preset, {about['steps']:,} steps, {about['seeds']} training seeds, "
        f"{about['episodes']} greedy episodes each; ± is the sample standard deviation over seeds, "
        "in brackets the paired bootstrap 95% interval over seeds."
    )
    columns = (
        "change",
        "score",
        "IQM",
        "lowest seed",
        "success",
        "steps to 200",
        "difference from the preset",
    )
    base = results.trials.get(UNCHANGED, [])
    names = [UNCHANGED, *(name for name in CHANGES if name in results.trials or name in results.stopped)]
    rows = [_row(name, results, base) for name in names]
    return f"{heading}\n\n{markdown(columns, rows)}"


def paired_difference(trials: list[Trial], base: list[Trial]) -> tuple[float, tuple[float, float] | None]:
    """Mean difference of a change's scores from the preset's, over their common training seeds.

    Returns:
        The mean difference (NaN without a common seed) and its bootstrap 95% interval over the seeds, None
        for fewer than two.
    """
    before = {trial.seed: trial.mean for trial in base}
    pairs = np.array([trial.mean - before[trial.seed] for trial in trials if trial.seed in before])
    if len(pairs) == 0:
        return math.nan, None
    return float(pairs.mean()), mean_interval(pairs) if len(pairs) > 1 else None


def median_steps(trials: list[Trial]) -> float:
    """The median of the steps to 200 over the seeds; infinite if half of them never reached 200."""
    return statistics.median(math.inf if t.steps_to_200 is None else t.steps_to_200 for t in trials)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000, help="of each run")
    parser.add_argument("--seeds", type=int, default=5, help="training seeds for each change")
    parser.add_argument("--episodes", type=int, default=100, help="scored for each seed")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--backend", default="native", help="whose settings of the preset hold")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablations.json"))
    parser.add_argument("--resume", action="store_true", help="go on with the file --out")
    parser.add_argument("--table", type=Path, metavar="FILE", help="only print the table of FILE")
    options = parser.parse_args()
    if min(options.seeds, options.episodes, options.jobs) < 1:
        parser.error("--seeds, --episodes and --jobs must be at least 1.")
    if options.episodes > SEARCH_EPISODES:
        parser.error(f"--episodes must be at most {SEARCH_EPISODES}: the export gate's begin after them.")
    unknown = [name for name in options.only or [] if name not in CHANGES]
    if unknown:
        parser.error(f"There is no change {', '.join(unknown)}; choose from {', '.join(CHANGES)}.")
    return options


def _begin(options: argparse.Namespace, base: TrainConfig) -> Results:
    """Empty results, or with --resume those of the file.

    Raises:
        UsageError: the file exists without --resume, or was measured with other arguments.
    """
    about = _about(options, base)
    if not options.resume:
        if options.out.exists():
            raise UsageError(f"{options.out} exists. Add --resume to go on with it, or choose another --out.")
        return Results(about, {}, {})
    kept = Results.read(options.out)
    # A setting newer than the file has its default, which is how the trainer behaved before.
    now = {**base.to_dict(), **about}
    for name, value in {**kept.about["settings"], **kept.about}.items():
        if name not in _MAY_CHANGE and now.get(name) != value:
            raise UsageError(
                f"{options.out} was measured with {name} {value}, not {now.get(name)}. "
                "Choose another --out, or give the arguments that it was started with."
            )
    return kept


_MAY_CHANGE = ("command", "settings", "jobs", "machine", "versions")
"""Entries that `--resume` does not compare; the settings are compared one by one."""


def _about(options: argparse.Namespace, base: TrainConfig) -> dict[str, Any]:
    return {
        "command": shlex.join(["python", "benchmarks/ablations.py", *sys.argv[1:]]),
        "preset": options.preset,
        "settings": base.to_dict(),
        "steps": options.steps,
        "seeds": options.seeds,
        "first_training_seed": FIRST_TRAINING_SEED,
        "episodes": options.episodes,
        "first_episode_seed": FIRST_SEARCH_SEED,
        "jobs": options.jobs,
        "machine": machine(),
        "versions": versions(),
    }


def _applicable(base: TrainConfig, only: list[str] | None) -> dict[str, dict[str, Any]]:
    """The changes to measure: those in `only`, or all, without changes that the preset has already."""
    settings = {field.name for field in dataclasses.fields(base)}
    chosen: dict[str, dict[str, Any]] = {}
    for name in only or CHANGES:
        values = CHANGES[name](base)
        missing = [setting for setting in values if setting not in settings]
        if missing:
            print(f"{name} is skipped: the trainer has no setting {', '.join(missing)}.", file=sys.stderr)
        elif base.with_values(values) == base:
            print(f"{name} is skipped: the preset has it already.", file=sys.stderr)
        else:
            chosen[name] = values
    return chosen


def _row(name: str, results: Results, base: list[Trial]) -> list[str]:
    trials, stopped = results.trials.get(name, []), results.stopped.get(name, {})
    label = f"{name}, {len(stopped)} stopped" if stopped else name
    if not trials:
        return [label, *["-"] * 6]
    scores = np.array([trial.mean for trial in trials])
    returns = np.concatenate([trial.returns for trial in trials])
    spread = f" ± {np.std(scores, ddof=1):.1f}" if len(scores) > 1 else ""
    steps = median_steps(trials)
    difference, interval = paired_difference(trials, base)
    within = "" if interval is None else f" [{interval[0]:+.1f}, {interval[1]:+.1f}]"
    return [
        label,
        f"{scores.mean():.1f}{spread}",
        f"{interquartile_mean(returns):.1f}",
        f"{scores.min():.1f}",
        f"{np.mean([trial.success_rate for trial in trials]):.1%}",
        f"{steps:,.0f}" if math.isfinite(steps) else "never",
        "" if name == UNCHANGED or math.isnan(difference) else f"{difference:+.1f}{within}",
    ]


if __name__ == "__main__":
    run_script(main)
