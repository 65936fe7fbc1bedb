"""`lander train`: a policy from nothing, with the run's progress drawn as it goes."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lander_cli.arguments.env_args import read_env_args
from lander_cli.outputs.figures import duration
from lander_cli.terminal.console import out, pairs, print_json, print_next, say
from lander_cli.terminal.interrupts import stop_on_signals
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_trainer import RunDirectory, TrainConfig, TrainResult
    from lander_trainer.logs.fan_out import FanOut

DEFAULT_ENV = "LunarLander-v3"

_UNLIMITED = 10**12
"""Steps of a run that ends by its time."""

_OPTIONS = {"target_score": "--target", "time_limit": "--time", "env_kwargs": "--env-arg"}
"""Settings whose option has another name."""

_WORTH_SAYING = 10
"""Megabytes; those of vectors never take as much."""

_SELECTIONS_TO_TARGET = 20
"""A target can only be seen where a run selects, so it selects more often than a preset says."""


def train_command(
    env: Annotated[str | None, typer.Argument(help="Gymnasium's id.", show_default=DEFAULT_ENV)] = None,
    steps: Annotated[str | None, typer.Option(help="Environment steps, such as 1_000_000 or 1e6.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seeds weights, actions and environments.", show_default="1")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Named settings: default, best, notebook.", show_default="default")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    env_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An argument of the environment, such as enable_wind=true; may be repeated.",
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    backend: Annotated[str | None, typer.Option(help="auto, gymnasium or envpool.")] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="The run's folder.", show_default="runs/<env>/<number>")
    ] = None,
    target: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Stop once a selection scores this.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Train for so long, such as 60s or 1h30m, the schedule fitted to it; earlier parts of a "
            "resumed run count."
        ),
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run's folder.")] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Log to tensorboard, wandb or trackio too; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a policy with PPO.

    Writes a run folder with checkpoint, settings, metrics and learning curve. Ctrl-C saves and stops.
    """
    from lander_cli.terminal.train_display import open_display
    from lander_trainer import observation_bytes, train
    from lander_trainer.logs import check_log

    logs = list(dict.fromkeys(log or []))
    # Before a folder is made: whoever lacks a package comes back to start the same run.
    for name in logs:
        check_log(name)
    set_names = {text.partition("=")[0].strip() for text in set_ or []}
    endless = time is not None and steps is None and resume is None and "steps" not in set_names
    settings = {
        "steps": _UNLIMITED if endless else steps,
        "seed": seed,
        "device": device,
        "backend": backend,
        "target_score": target,
        "time_limit": None if time is None else duration(time),
        "env_kwargs": read_env_args(env_arg) if env_arg else None,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    if target is not None and resume is None and "selections" not in set_names:
        given["selections"] = _SELECTIONS_TO_TARGET
    if resume is not None:
        config, run = _resumed(
            resume, given, conflicts=(env, preset, seed, out_dir, *(set_ or []), *(env_arg or []))
        )
    else:
        config, run = _fresh(
            DEFAULT_ENV if env is None else env, preset or "default", given, set_ or [], out_dir
        )
    say(f"{'Resuming' if resume else 'Training'} {config.env} in {run.path}")
    megabytes = observation_bytes(config) / 1e6
    if megabytes > _WORTH_SAYING:
        say(f"The observations of a rollout take {megabytes:,.0f} MB.")
    with (
        _open_logs(logs, run, config) as observer,
        stop_on_signals() as stop,
        open_display() as observer.display,
    ):
        result = train(config, run, resume=resume is not None, observer=observer, stop=stop)
    _report(result, as_json)
    if result.reached_target:
        say(f"Reached the target of {config.target_score:g} before the end.")
    elif not result.interrupted and _misses_target(result, config):
        say(f"The target of {config.target_score:g} was not reached.")
    if result.interrupted:
        again = [word for name in logs for word in ("--log", name)]
        print_next("lander", "train", "--resume", result.run, *again)
        raise typer.Exit(stop.exit_code)
    print_next("lander", "export", result.run)


def _fresh(
    env: str, preset_name: str, given: dict[str, Any], assignments: list[str], out_dir: Path | None
) -> "tuple[TrainConfig, RunDirectory]":
    from lander_cli.terminal.old_versions import warn_of_old_version
    from lander_runtime.errors import UsageError
    from lander_trainer import RunDirectory, prepare, preset

    # The environment first: whoever mistypes it should not read about presets.
    warn_of_old_version(env)
    assigned = {assignment.partition("=")[0].strip() for assignment in assignments}
    if "env" in assigned:
        raise UsageError(f"Name the environment as the argument: lander train {env}")
    for name in given:
        if name in assigned:
            raise UsageError(
                f"{_OPTIONS.get(name, f'--{name}')} and --set {name}=... both say it. Leave one out."
            )
    base = preset(env, preset_name).with_assignments(assignments)
    if "env_kwargs" in given:
        # As with `lander eval`, one argument takes the place of one: a preset may need its others.
        given = {**given, "env_kwargs": {**base.env_kwargs, **given["env_kwargs"]}}
    config = prepare(base.with_values(given))
    return config, RunDirectory.create(config.env, out_dir)


def _resumed(
    folder: Path, given: dict[str, Any], conflicts: tuple[object, ...]
) -> "tuple[TrainConfig, RunDirectory]":
    from lander_runtime.errors import UsageError
    from lander_trainer import Checkpoint, RunDirectory, prepare

    if any(conflict is not None for conflict in conflicts):
        raise UsageError(
            "A resumed run keeps its settings; only --steps, --time, --target, --device and --backend "
            "go with --resume."
        )
    run = RunDirectory.open(folder)
    checkpoint = Checkpoint.load(run.checkpoint)
    # What was chosen for this machine before is chosen again; the learner only where the device changes.
    again = {"workers": 0} | ({"learner": "auto"} if "device" in given else {})
    config = prepare(checkpoint.config.with_values({**again, **given}))
    done = checkpoint.progress.updates
    if config.updates < done:
        raise UsageError(
            f"{folder} has done {counted(checkpoint.progress.steps, 'step')} already; --steps cannot be less."
        )
    longer = None
    if config.updates == done:
        longer = ["--steps", str(2 * config.steps)]
    elif config.time_limit is not None and checkpoint.progress.seconds >= config.time_limit:
        longer = ["--time", f"{math.ceil(2 * checkpoint.progress.seconds)}s"]
    if longer is not None:
        say(
            f"{folder} is done. To go on: {shlex.join(['lander', 'train', '--resume', str(folder), *longer])}"
        )
    return config, run


def _open_logs(names: list[str], run: "RunDirectory", config: "TrainConfig") -> "FanOut":
    """All logs of `names`, closed again where a later one does not start."""
    from lander_trainer.logs import RunLog, open_log
    from lander_trainer.logs.fan_out import FanOut

    opened: dict[str, RunLog] = {}
    try:
        for name in names:
            opened[name] = open_log(name, run.path, config)
    except BaseException:
        with FanOut(opened, say):
            raise
    return FanOut(opened, say)


def _misses_target(result: "TrainResult", config: "TrainConfig") -> bool:
    """Whether there is a target that no selection reached, before the run was resumed neither."""
    best, target = result.progress.best_score, config.target_score
    return target is not None and (best is None or best < target)


def _report(result: "TrainResult", as_json: bool) -> None:
    progress = result.progress
    if as_json:
        print_json(
            {
                "schema": "lander.training/1",
                "run": str(result.run),
                "interrupted": result.interrupted,
                "reached_target": result.reached_target,
                "updates": progress.updates,
                "steps": progress.steps,
                "episodes": progress.episodes,
                "seconds": progress.seconds,
                "best_score": progress.best_score,
            }
        )
        return
    best = (
        "none yet" if progress.best_score is None else f"{progress.best_score:.1f} (greedy, selection seeds)"
    )
    rows = [
        ("run", str(result.run)),
        ("steps", f"{progress.steps:,} in {counted(progress.episodes, 'episode')}"),
        ("time", f"{progress.seconds:.1f} s, {progress.steps / max(progress.seconds, 1e-9):,.0f} steps/s"),
        ("best score", best),
    ]
    out().print(pairs(rows))
