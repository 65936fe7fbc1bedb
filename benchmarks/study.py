"""The search that the presets for LunarLander come from: `lander sweep` with its space as code.

    python benchmarks/study.py --steps 500_000 --trials 60 --seeds 2 --jobs 2 [--storage study.log]

Every trial trains with seeds 101, 102, ... and is scored greedily on the search episodes (seeds from
950,000 on). So neither the training seeds that `seeds.py` reports nor the evaluation episodes guide
the search. The unchanged preset is the first trial. Trials whose first seed learns less than the median of
earlier trials stop early. The same command continues the study in a storage file.
"""

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lander_rl.searching.objectives import OBJECTIVES
from lander_rl.searching.results import SHOWN, Sweep, SweepTrial
from lander_rl.searching.space import SearchSpace
from lander_rl.searching.sweeping import SweepRequest, run_sweep
from lander_rl.training.request import TrainRequest
from lander_rl.training.stopping import stop_on_interrupt
from study_space import SPACE
from trials import ENV, markdown, run_script


def main() -> int:
    """Search and print."""
    options = _options()
    train = TrainRequest(env=ENV, preset=options.preset, steps=options.steps, backend=options.backend)
    request = SweepRequest(
        space=SearchSpace(train, SPACE),
        trials=options.trials,
        jobs=options.jobs,
        seeds=options.seeds,
        episodes=options.episodes,
        objective=options.objective,
        out=options.storage.with_suffix(""),
        storage=str(options.storage),
    )
    with stop_on_interrupt(_say) as interrupted:
        found = run_sweep(request, say=_say, display=contextlib.nullcontext, stop=interrupted)
    print(report(found))
    return 130 if found.interrupted else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000, help="of each run")
    parser.add_argument("--trials", type=int, default=60, help="in all, those of earlier calls included")
    parser.add_argument("--seeds", type=int, default=2, help="training seeds of each trial")
    parser.add_argument("--episodes", type=int, default=100, help="scored for each seed")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--storage", type=Path, default=Path("study.log"))
    parser.add_argument("--preset", default="default")
    parser.add_argument("--backend", default="native", help="whose settings of the preset hold")
    parser.add_argument("--objective", choices=OBJECTIVES, default="score")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(found: Sweep) -> str:
    """The ten best trials, the importance of each setting, and the best trial's command, as Markdown."""
    parts = [
        f"{len(found.trials)} trials completed, {found.pruned} pruned; objective: {found.objective}",
        markdown(_COLUMNS, [_row(trial, found.start) for trial in found.trials[:SHOWN]]),
    ]
    if found.importance:
        rows = [[name, f"{share:.1%}"] for name, share in found.importance.items()]
        parts.append(markdown(("setting", "importance"), rows))
    return "\n\n".join([*parts, " ".join(found.command)])


_COLUMNS = ("trial", "objective", "score a seed", "lowest", "success", "time to 200", "time", *SPACE)


def _row(trial: SweepTrial, start: Mapping[str, Any]) -> list[str]:
    is_preset = all(trial.settings[name] == value for name, value in start.items())
    solved = ["never" if time is None else f"{time:.0f} s" for time in trial.seconds_to_threshold]
    return [
        f"{trial.number}{' (preset)' if is_preset else ''}",
        f"{trial.value:,.1f}",
        ", ".join(f"{score:.1f}" for score in trial.scores),
        f"{trial.lowest:.1f}",
        f"{trial.success:.1%}",
        ", ".join(solved),
        f"{trial.seconds:.0f} s",
        *(f"{value:.4g}" if isinstance(value, float) else str(value) for value in trial.settings.values()),
    ]


if __name__ == "__main__":
    run_script(main)
