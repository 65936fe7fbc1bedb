"""A sentence and an exit code for every error that is no fault of the program.

Apart from `main`, which prints them, so that each kind can be tested without a command.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lander_runtime.errors import LanderError
from lander_runtime.files import NO_SPACE
from lander_runtime.text import first_line, shortened

_EXTRA_OF_COMMAND = {
    "train": "train",
    "sweep": "sweep",
    "export": "train",
    "eval": "eval",
    "compare": "eval",
    "plot": "train",
    "replay": "eval",
    "serve": "serve",
    "demo": "train",
    "envs": "train",
    "settings": "train",
    "push": "hub",
    "pull": "hub",
    "verify": "eval",
    "bench": "train",
}


@dataclass(frozen=True)
class Failure:
    """How a command fails."""

    sentence: str
    exit_code: int


def explain(error: Exception, arguments: Sequence[str]) -> Failure | None:
    """The sentence and exit code for `error`; None for a fault of the program.

    Args:
        error: raised by the command.
        arguments: the command line; the extra to install depends on the command.
    """
    if isinstance(error, LanderError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRA_OF_COMMAND.get(next((a for a in arguments if not a.startswith("-")), ""))
        if extra is None or (error.name or "").startswith("lander_"):
            return None
        return Failure(
            f"The package {error.name!r} is not installed. Type: pip install 'lander-rl[{extra}]'", 4
        )
    if _is_out_of_gpu_memory(error):
        return Failure(
            f"The GPU has not enough free memory for this: {first_line(error)} "
            "End what else runs on it, lower lanes or hidden_sizes, or use --device cpu.",
            4,
        )
    if _is_out_of_memory(error):
        return Failure(f"There is not enough memory for this: {first_line(error)}", 4)
    if isinstance(error, OSError):
        reason = error.strerror or first_line(error)
        named = "" if error.filename is None else f": {shortened(str(error.filename))}"
        return Failure(f"The system refused{named} ({reason}).", 4 if error.errno in NO_SPACE else 3)
    return None


def fault(error: Exception) -> Failure:
    """What is said of an error that nothing expected: a fault of the program."""
    return Failure(
        f"A fault of lander itself ({type(error).__name__}: {first_line(error)}). Please report it, with "
        "what the same command prints with --debug.",
        70,
    )


def _is_out_of_gpu_memory(error: Exception) -> bool:
    # Compared by name, because the command does not import torch.
    return any(
        kind.__module__ == "torch" and kind.__name__ == "OutOfMemoryError" for kind in type(error).mro()
    )


def _is_out_of_memory(error: Exception) -> bool:
    # PyTorch has no exception class for the CPU's memory.
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
