"""`lander sweep`: a search for good settings."""

from typing import TYPE_CHECKING

import typer

from lander_cli.arguments import sweep_options as given
from lander_cli.arguments.options import EngineName, Import, RayAddress, worker_count
from lander_cli.terminal.console import err, out, print_json, print_next, print_rows, say
from lander_cli.terminal.interrupts import stop_on_signals

if TYPE_CHECKING:
    from lander_rl.searching.results import Sweep


def sweep_command(
    space: given.Space,
    trials: given.Trials = 50,
    jobs: given.Jobs = "auto",
    seeds: given.Seeds = 2,
    episodes: given.Episodes = 100,
    objective: given.Objective = "score",
    out_dir: given.Folder = None,
    storage: given.Storage = None,
    engine: given.Engine = EngineName.PROCESSES,
    ray_address: RayAddress = None,
    import_: Import = None,
    as_json: given.AsJson = False,
) -> None:
    """Search for good settings with Optuna: the file names them and their ranges.

    The same command goes on where it was stopped, after kill -9 too.
    """
    from lander_rl.inputs.importing import import_options
    from lander_rl.searching.sweeping import SweepRequest, run_sweep
    from lander_rl.several.display import open_table

    request = SweepRequest(
        space=space, trials=trials, jobs=worker_count(jobs), seeds=seeds, episodes=episodes,
        objective=objective, out=out_dir, storage=storage, engine=engine.value, ray_address=ray_address,
        imports=tuple(import_ or []),
    )  # fmt: skip
    with stop_on_signals() as signals:
        found = run_sweep(request, say=say, display=lambda: open_table(err()), stop=signals)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    if found.interrupted:
        say("The same command goes on.")
        raise typer.Exit(signals.exit_code)
    if found.command:
        # Of many trials the best is also the luckiest. Other seeds say what it is worth.
        print_next(*found.command, *import_options(request.imports), "--seeds", "5")


def _print(found: "Sweep") -> None:
    if found.trials:
        out().print(f"{found.table!r}\n", markup=False)
    print_rows(found.rows())
    if found.preset is not None:
        out().print(f"\n{found.preset.read_text(encoding='utf-8').rstrip()}", markup=False)
