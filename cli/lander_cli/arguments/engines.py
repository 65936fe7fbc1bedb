"""`--engine` and `--ray-address`: what flies the episodes of an evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from lander_cli.terminal.console import EpisodeBar, say
from lander_runtime.errors import UsageError
from lander_runtime.workers.cores import check_workers

if TYPE_CHECKING:
    from lander_runtime.evaluation.engine import Engine


class EngineName(StrEnum):
    """What flies."""

    PROCESSES = "processes"
    RAY = "ray"


@contextmanager
def chosen_engine(
    name: EngineName, address: str | None, workers: str, bar: EpisodeBar
) -> "Iterator[Engine | None]":
    """The engine, open while inside; None where `workers` processes are what was chosen.

    Raises:
        MachineLacks: Ray is not installed, or no cluster answers.
        UsageError: an option that belongs to the other engine.
    """
    if name is not EngineName.RAY:
        if address is not None:
            raise UsageError("--ray-address is for --engine ray. Add that, or leave the address out.")
        yield None
        return
    if address is not None and workers != "auto":
        raise UsageError("A cluster that exists has the CPUs that it has; leave out --workers.")
    if workers != "auto":
        check_workers(int(workers))
    from lander_runtime.evaluation.ray import Ray

    say(f"Connecting to Ray at {address}" if address else "Starting Ray on this machine")
    with Ray(address, cpus=None if workers == "auto" else int(workers)) as engine:
        engine.on_finished = bar.on_finished
        say(f"Flying on {engine.description}")
        yield engine
