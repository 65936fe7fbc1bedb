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
from lander_rl.searching.study import importances
from lander_rl.showing import said_before_an_error
from lander_rl.training.planning import planned_config
from lander_runtime.files import write_text
from lander_runtime.text import counted
from lander_trainer import TrainConfig, training_command
from lander_trainer.plots.search import draw_history, draw_importance

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
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
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
        env=config.env, objective=meaning, trials=found, pruned=states.count(TrialState.PRUNED),
        cut_short=states.count(TrialState.FAIL), start=space.params_of(config), importance=shares,
        folder=request.folder, pictures=(), preset=None, command=(), interrupted=interrupted,
    )  # fmt: skip
    if not found:
        return sweep
    best = planned_config(space.request(ranked[0].params), lambda text: None)
    preset = request.folder / "preset.toml"
    with said_before_an_error(say, sweep):
        write_text(preset, preset_text(best, space, request, found[0]))
        pictures = _draw(request.folder, found, shares, config.env, meaning, maximise=direction == "maximize")
    return replace(sweep, pictures=pictures, preset=preset, command=_command(best))


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
    """The settings of the best trial as a table for a file of `preset_files/`, those at their default out."""
    usual = TrainConfig(env=best.env).to_dict()
    chosen = {
        name: value
        for name, value in best.to_dict().items()
        if value != usual.get(name) and (name != "backend" or space.train.backend is not None)
    }
    scores = ", ".join(f"{score:.1f}" for score in trial.scores)
    return (
        f"# {best.env}: trial {trial.number} of a sweep, on the backend {best.backend}.\n"
        f"# Greedy scores of its training seeds, {counted(request.episodes, 'episode')} each: {scores}.\n"
        f"{tomli_w.dumps({request.folder.name: chosen})}"
    )


def _command(best: TrainConfig) -> tuple[str, ...]:
    return tuple(shlex.split(training_command(best)))
