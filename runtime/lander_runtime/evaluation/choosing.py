"""Which engine runs the episodes, by its name: processes of this machine, or a Ray cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from lander_runtime.errors import UsageError
from lander_runtime.workers.cores import check_workers

if TYPE_CHECKING:
    from lander_runtime.evaluation.engine import Engine


@contextmanager
def chosen_engine(
    name: str,
    address: str | None,
    workers: int | Literal["auto"],
    *,
    on_note: Callable[[str], None],
    on_finished: Callable[[int], None],
) -> "Iterator[Engine | None]":
    """The engine, open while inside; None where `workers` processes are what was chosen.

    Args:
        name: `processes` or `ray`.
        address: of a Ray cluster that exists; None starts one on this machine.
        workers: processes, or CPUs of a cluster that is started here.
        on_note: told in a sentence what is started.
        on_finished: told how many episodes have ended, as soon as they have.

    Raises:
        MachineLacks: Ray is not installed, or no cluster answers.
        UsageError: an option that belongs to the other engine.
    """
    check_engine(name, address, workers)
    if name != "ray":
        yield None
        return
    from lander_runtime.evaluation.ray import Ray

    on_note(f"Connecting to Ray at {address}" if address else "Starting Ray on this machine")
    with Ray(address, cpus=None if workers == "auto" else workers) as engine:
        engine.on_finished = on_finished
        on_note(f"Running on {engine.description}")
        yield engine


def check_engine(name: str, address: str | None, workers: int | Literal["auto"]) -> None:
    """Refuse options that do not go together; raises `UsageError`."""
    if name not in ("processes", "ray"):
        raise UsageError(f"--engine {name!r} is not known; choose processes or ray.")
    if name != "ray":
        if address is not None:
            raise UsageError("--ray-address is for --engine ray. Add that, or leave the address out.")
        return
    if address is not None and workers != "auto":
        raise UsageError("A cluster that exists has the CPUs that it has; leave out --workers.")
    if workers != "auto":
        check_workers(workers)
