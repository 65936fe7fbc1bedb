"""`lander train`: trains a policy and displays the progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lander_cli.arguments import training_options as given
from lander_cli.arguments.options import EngineName, Import, RayAddress, TimeLimit
from lander_cli.arguments.train_request import (
    new_run,
    refuse_watch_with_seeds,
    refuse_with_resume,
    refuse_without_seeds,
)
from lander_cli.commands.training.seeds import train_seeds
from lander_cli.terminal.console import err, print_json, print_next, print_rows, say, spinner
from lander_cli.terminal.interrupts import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from lander_cli.terminal.watching import Watch
    from lander_rl import ResumeRequest, Run, TrainObserver, TrainRequest


def train_command(
    env: given.Env = None,
    steps: given.Steps = None,
    seed: given.Seed = None,
    preset: given.Preset = None,
    set_: given.Set = None,
    env_arg: given.EnvArg = None,
    max_episode_steps: TimeLimit = None,
    device: given.Device = None,
    backend: given.Backend = None,
    init: given.Init = None,
    network: given.Network = None,
    out_dir: given.RunFolder = None,
    target: given.Target = None,
    time: given.Time = None,
    resume: given.Resume = None,
    log: given.Log = None,
    import_: Import = None,
    watch: given.WatchTraining = False,
    seeds: given.Seeds = None,
    jobs: given.Jobs = None,
    engine: given.SeedsEngine = None,
    ray_address: RayAddress = None,
    as_json: given.AsJson = False,
) -> Path | None:
    """Train a policy with PPO.

    Writes a run folder with checkpoint, settings, metrics and learning curve. Ctrl-C saves and stops.
    """
    from lander_rl.training.request import ResumeRequest

    both = {
        "steps": steps, "target": target, "time": time, "device": device, "backend": backend,
        "log": tuple(log or []), "imports": tuple(import_ or []), "network": network,
    }  # fmt: skip
    if resume is not None:
        refuse_with_resume(
            env, preset, seed, init, out_dir, max_episode_steps, *(set_ or []), *(env_arg or []),
            seeds, jobs, engine, ray_address,
        )  # fmt: skip
        return _train(ResumeRequest(run=resume, **both), watch, as_json)
    new = {
        **both,
        "env": env,
        "preset": preset,
        "seed": seed,
        "init": init,
        "out": out_dir,
        "max_episode_steps": max_episode_steps,
    }
    request = new_run(set_ or [], env_arg or [], new)
    if seeds is None:
        refuse_without_seeds(jobs, engine, ray_address)
        return _train(request, watch, as_json)
    refuse_watch_with_seeds(watch)
    train_seeds(request, seeds, jobs or "auto", engine or EngineName.PROCESSES, ray_address, as_json)
    return None


def _train(request: "TrainRequest | ResumeRequest", watch: bool, as_json: bool) -> Path:
    """Train, and give the run's folder."""
    signals = StopRequest()
    watching = _watch(signals) if watch else None
    # PyTorch takes seconds to load.
    with spinner("Starting") as end_spinner:
        run = _carried_out(request, signals, watching, end_spinner)
    if as_json:
        print_json(_as_json(run))
    else:
        print_rows(run.rows())
    _say_how_it_ended(run)
    from lander_rl.inputs.importing import import_options
    from lander_rl.inputs.networks import network_options

    imports = [*import_options(request.imports), *network_options(request.network)]
    if run.interrupted:
        again = [word for name in dict.fromkeys(request.log) for word in ("--log", name)]
        print_next("lander", "train", "--resume", run.path, *again, *imports)
        raise typer.Exit(signals.exit_code)
    print_next("lander", "export", run.path, *imports)
    return run.path


def _watch(signals: StopRequest) -> "Watch":
    # Here, because it loads the trainer.
    from lander_cli.terminal.watching import Watch

    return Watch(err(), say, signals)


def _carried_out(
    request: "TrainRequest | ResumeRequest",
    signals: StopRequest,
    watch: "Watch | None",
    on_display: Callable[[], None],
) -> "Run":
    """Train; `on_display` is called before the display of the progress opens."""
    from lander_rl.training.progress import PanelDisplay, open_display
    from lander_rl.training.runs import Run
    from lander_rl.training.session import run_training

    @contextmanager
    def display() -> Iterator["TrainObserver"]:
        on_display()
        with open_display(err()) as shown:
            if watch is not None and isinstance(shown, PanelDisplay):
                watch.show = shown.show_below
            yield shown

    result = run_training(
        request,
        say=say,
        display=display,
        stopping=lambda: stop_on_signals(signals),
        on_log_failure=say,
        observer=watch,
    )
    return Run.ended(result)


def _say_how_it_ended(run: "Run") -> None:
    target = run.config.target_score
    if run.reached_target:
        say(f"Reached the target of {target:g} before the end.")
    elif run.missed_target and not run.interrupted:
        say(f"The target of {target:g} was not reached.")


def _as_json(run: "Run") -> dict[str, object]:
    progress = asdict(run.progress)
    figures = ("updates", "steps", "episodes", "seconds", "best_score")
    return {
        "schema": "lander.training/1",
        "run": str(run.path),
        "interrupted": run.interrupted,
        "reached_target": run.reached_target,
        **{name: progress[name] for name in figures},
    }
