"""`lander bench`: how fast a policy acts in each runtime that is here."""

from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments import options as given
from lander_cli.arguments.numbers import MOST_EPISODES, integer
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_cli.terminal.console import out, print_json, say
from lander_runtime.errors import CheckFailed


def bench_command(
    policy: given.PolicyFile = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(help="Observations at once; may be repeated.", show_default="1, 16, 256 and 4096"),
    ] = None,
    episodes: Annotated[
        int,
        typer.Option(
            **integer(0, MOST_EPISODES), help="Episodes that each runtime runs for its score; 0 for none."
        ),
    ] = 10,
    large: given.Large = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the speeds in this .png or .svg file.")] = None,
    as_json: Annotated[bool, given.json_flag("lander.bench/1")] = False,
) -> None:
    """Time a policy in ONNX Runtime, PyTorch and C, and compare the actions and the scores.

    If a runtime acts in another way than ONNX Runtime on the CPU, or scores worse, the exit code is 1.
    """
    from lander_rl.checking.benching import BATCHES, BenchRequest, run_bench

    found = run_bench(BenchRequest(policy, tuple(batch or BATCHES), plot, episodes, large), say)
    if as_json:
        print_json(found.to_json())
    else:
        out().print(repr(found), markup=False)
    if found.picture is not None:
        say(f"Drew {found.picture}")
    if found.failure is not None:
        raise CheckFailed(found.failure)
    print_next_unless_waiting(policy, "lander", "verify", found.path, "--all-runtimes")
