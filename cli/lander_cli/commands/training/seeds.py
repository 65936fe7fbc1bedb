"""`lander train --seeds N`: several trainings, and what they say together."""

from typing import TYPE_CHECKING

import typer

from lander_cli.arguments.options import EngineName, worker_count
from lander_cli.terminal.console import err, print_next, print_result, say
from lander_cli.terminal.interrupts import StopRequest, interrupt_on_signals, stop_on_signals
from lander_runtime.errors import CheckFailed
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_rl import TrainRequest
    from lander_rl.several.results import SeedRuns


def train_seeds(
    train: "TrainRequest", seeds: int, jobs: str, engine: EngineName, address: str | None, as_json: bool
) -> None:
    """Train with each seed, and print mean, interval and worst seed."""
    from lander_rl.inputs.importing import import_options
    from lander_rl.inputs.networks import network_options
    from lander_rl.several.display import open_table
    from lander_rl.several.seeds import SeedsRequest, run_seeds

    request = SeedsRequest(
        train=train, seeds=seeds, jobs=worker_count(jobs), engine=engine.value, ray_address=address
    )
    signals = StopRequest()
    found = run_seeds(
        request,
        say=say,
        display=lambda: open_table(err()),
        stopping=lambda: stop_on_signals(signals),
        exporting=lambda: interrupt_on_signals(signals),
    )
    print_result(found, as_json=as_json)
    if found.interrupted and train.out is not None:
        say("The same command goes on.")
    else:
        _print_next(found, import_options(train.imports), network_options(train.network))
    if found.interrupted or signals():
        raise typer.Exit(signals.exit_code)
    if found.failed:
        raise CheckFailed(f"{counted(len(found.failed), 'seed')} of {seeds} stopped: no longer finite.")


def _print_next(found: "SeedRuns", imports: list[str], network: list[str]) -> None:
    if found.unfinished is not None:
        print_next("lander", "train", "--resume", found.unfinished.path, *imports, *network)
    elif found.exported is not None:
        print_next("lander", "eval", found.exported.policy, *imports, "--episodes", "1000")
    elif found.chosen is not None:
        print_next("lander", "export", found.chosen.path, *imports, *network)
