"""`lander train`: trains a policy and displays the progress."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from lander_cli.arguments.numbers import duration
from lander_cli.arguments.options import EngineName, Import, RayAddress, TimeLimit, worker_count
from lander_cli.arguments.train_request import new_run, refuse_with_resume, refuse_without_seeds
from lander_cli.arguments.training_options import (
    AsJson,
    Backend,
    Device,
    Env,
    EnvArg,
    Init,
    Jobs,
    Log,
    Network,
    Preset,
    Resume,
    RunFolder,
    Seed,
    Seeds,
    SeedsEngine,
    Set,
    Steps,
    Target,
    Time,
)
from lander_cli.terminal.console import err, print_json, print_next, print_rows, say
from lander_cli.terminal.interrupts import StopRequest, stop_on_signals
from lander_runtime.errors import CheckFailed
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_rl import ResumeRequest, Run, TrainRequest


def train_command(
    env: Env = None,
    steps: Steps = None,
    seed: Seed = None,
    preset: Preset = None,
    set_: Set = None,
    env_arg: EnvArg = None,
    max_episode_steps: TimeLimit = None,
    device: Device = None,
    backend: Backend = None,
    init: Init = None,
    network: Network = None,
    out_dir: RunFolder = None,
    target: Target = None,
    time: Time = None,
    resume: Resume = None,
    log: Log = None,
    import_: Import = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    engine: SeedsEngine = None,
    ray_address: RayAddress = None,
    as_json: AsJson = False,
) -> None:
    """Train a policy with PPO.

    Writes a run folder with checkpoint, settings, metrics and learning curve. Ctrl-C saves and stops.
    """
    from lander_rl.training.request import ResumeRequest

    seconds = None if time is None else duration(time)
    both = {
        "steps": steps, "target": target, "time": seconds, "device": device, "backend": backend,
        "log": tuple(log or []), "imports": tuple(import_ or []), "network": network,
    }  # fmt: skip
    if resume is not None:
        refuse_with_resume(
            env, preset, seed, init, out_dir, max_episode_steps, *(set_ or []), *(env_arg or []),
            seeds, jobs, engine, ray_address,
        )  # fmt: skip
        _train(ResumeRequest(run=resume, **both), as_json)
    else:
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
            _train(request, as_json)
        else:
            _train_seeds(request, seeds, jobs or "auto", engine or EngineName.PROCESSES, ray_address, as_json)


def _train_seeds(
    train: "TrainRequest", seeds: int, jobs: str, engine: EngineName, address: str | None, as_json: bool
) -> None:
    from lander_rl.inputs.importing import import_options
    from lander_rl.several.display import open_table
    from lander_rl.several.seeds import SeedsRequest, run_seeds

    request = SeedsRequest(
        train=train, seeds=seeds, jobs=worker_count(jobs), engine=engine.value, ray_address=address
    )
    with stop_on_signals() as signals:
        found = run_seeds(request, say=say, display=lambda: open_table(err()), stop=signals)
    print_json(found.to_json()) if as_json else print_rows(found.rows())
    imports = import_options(train.imports)
    if found.interrupted or signals():
        print_next("lander", "train", "--resume", found.runs[0].path, *imports) if found.runs else None
        raise typer.Exit(signals.exit_code)
    if found.exported is not None:
        print_next("lander", "eval", found.exported.policy, *imports, "--episodes", "1000")
    if found.failed:
        raise CheckFailed(f"{counted(len(found.failed), 'seed')} of {seeds} stopped: no longer finite.")


def _train(request: "TrainRequest | ResumeRequest", as_json: bool) -> None:
    from lander_rl.inputs.importing import import_options
    from lander_rl.inputs.networks import network_options
    from lander_rl.training.progress import open_display
    from lander_rl.training.runs import Run
    from lander_rl.training.session import run_training

    signals = StopRequest()
    run = Run.ended(
        run_training(
            request,
            say=say,
            display=lambda: open_display(err()),
            stopping=lambda: stop_on_signals(signals),
            on_log_failure=say,
        )
    )
    if as_json:
        print_json(_as_json(run))
    else:
        print_rows(run.rows())
    _say_how_it_ended(run)
    imports = [*import_options(request.imports), *network_options(request.network)]
    if run.interrupted:
        again = [word for name in dict.fromkeys(request.log) for word in ("--log", name)]
        print_next("lander", "train", "--resume", run.path, *again, *imports)
        raise typer.Exit(signals.exit_code)
    print_next("lander", "export", run.path, *imports)


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
