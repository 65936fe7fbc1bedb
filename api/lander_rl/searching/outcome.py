"""The result of a search: the best trials, the pictures, and the preset of the best one.

Apart from `sweeping.py`, whose work is done by then.
"""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import tomli_w
from optuna.trial import TrialState

from lander_rl.searching.objectives import OBJECTIVES
from lander_rl.searching.results import FEWEST_FOR_IMPORTANCE, Sweep, SweepTrial
from lander_rl.searching.space import SearchSpace, rounded
from lander_rl.searching.study import importances, is_dead
from lander_rl.showing import said_before_an_error
from lander_rl.training.planning import planned_config
from lander_runtime.files import write_text
from lander_runtime.text import counted
from lander_trainer import TrainConfig, plan_training, training_command
from lander_trainer.plots.search import draw_history, draw_importance
from lander_trainer.settings.preset_tables import preset_file

if TYPE_CHECKING:
    from lander_rl.searching.sweeping import SweepRequest


def outcome(
    request: "SweepRequest", study: optuna.Study, space: SearchSpace, config: TrainConfig,
    say: Callable[[str], None], *, interrupted: bool,
) -> Sweep:  # fmt: skip
    """What is in `study`, with the pictures and the preset written into the folder of `request`.

    Args:
        request: the search.
        study: its study.
        space: what was searched.
        config: the settings that the search started from.
        say: prints a line for the user.
        interrupted: whether it was stopped.
    """
    direction, meaning = OBJECTIVES[request.objective]
    counts = _counts(study)
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ranked = sorted(completed, key=lambda trial: trial.value or 0.0, reverse=direction == "maximize")
    found = tuple(
        SweepTrial(
            number=trial.number,
            value=trial.value or 0.0,
            settings={name: rounded(value) for name, value in trial.params.items()},
            scores=tuple(trial.user_attrs["scores"]),
            lowest=trial.user_attrs["lowest"],
            success=trial.user_attrs.get("success"),
            seconds_to_threshold=tuple(trial.user_attrs["seconds_to_threshold"]),
            seconds=trial.user_attrs["seconds"],
        )
        for trial in ranked
    )
    shares = importances(study) if len(completed) >= FEWEST_FOR_IMPORTANCE else {}
    sweep = Sweep(
        env=config.env, objective=meaning, trials=found, **counts, start=space.params_of(config),
        importance=shares, folder=request.folder, pictures=(), preset=None, command=(),
        interrupted=interrupted,
    )  # fmt: skip
    if not found:
        return sweep
    best = planned_config(space.request(ranked[0].params), lambda text: None)
    preset = request.folder / "preset.toml"
    with said_before_an_error(say, sweep):
        write_text(preset, preset_text(best, space, request, found[0]))
        pictures = _draw(request.folder, found, shares, config.env, meaning, maximise=direction == "maximize")
    return replace(sweep, pictures=pictures, preset=preset, command=_command(best))


def _counts(study: optuna.Study) -> dict[str, int]:
    trials = study.get_trials(deepcopy=False)
    running = [trial for trial in trials if trial.state == TrialState.RUNNING]
    dead = sum(map(is_dead, running))
    return {
        "pruned": sum(trial.state == TrialState.PRUNED for trial in trials),
        # One without settings was needless, and is not repeated.
        "cut_short": sum(trial.state == TrialState.FAIL and bool(trial.params) for trial in trials) + dead,
        "running": len(running) - dead,
    }


def _draw(
    folder: Path, found: tuple[SweepTrial, ...], shares: dict[str, float], env: str, meaning: str, *,
    maximise: bool,
) -> tuple[Path, ...]:  # fmt: skip
    history, importance = folder / "history.png", folder / "importance.png"
    values = sorted((one.number, one.value) for one in found)
    draw_history(values, history, title=env, value=meaning, maximise=maximise)
    if not shares:
        return (history,)
    draw_importance(shares, importance, title=f"{env}: {meaning}")
    return history, importance


def preset_text(best: TrainConfig, space: SearchSpace, request: "SweepRequest", trial: SweepTrial) -> str:
    """The settings of the best trial as a table for a file of `preset_files/`.

    It has what differs from the default, what the space names, and the backend: `auto` may be another one
    on another machine.
    """
    usual = TrainConfig(env=best.env).to_dict()
    named = {*space.kinds, *space.train.settings, *space.train.given()} - {"seed"}
    chosen = {
        name: value for name, value in best.to_dict().items() if value != usual.get(name) or name in named
    }
    chosen["backend"] = plan_training(best).config.backend
    preset = request.folder.resolve().name
    scores = ", ".join(f"{score:.1f}" for score in trial.scores)
    command = shlex.join(["lander", "train", best.env, "--preset", preset])
    return (
        f"# {best.env}: trial {trial.number} of a sweep.\n"
        f"# Greedy scores of its training seeds, {counted(request.episodes, 'episode')} each: {scores}.\n"
        f"# Paste this into {preset_file(best.env)} of lander_trainer. Then: {command}\n"
        f"{tomli_w.dumps({preset: chosen})}"
    )


def _command(best: TrainConfig) -> tuple[str, ...]:
    return tuple(shlex.split(training_command(best)))
