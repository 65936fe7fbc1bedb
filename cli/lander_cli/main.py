"""The `lander` command: its commands, and the one place where an error becomes a message and an exit code."""

import errno
import io
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from lander_cli.console import complain
from lander_cli.eval import eval_command
from lander_cli.export import export_command
from lander_cli.inspect import inspect_command
from lander_cli.interrupts import exit_on_sigterm
from lander_cli.plot import plot_command
from lander_cli.train import train_command
from lander_runtime.errors import LanderError

app = typer.Typer(
    name="lander",
    help="Train a policy, export it to one verified ONNX file, and run, score and record that file.",
    epilog="Start with: lander train",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("train")(train_command)
app.command("export")(export_command)
app.command("eval")(eval_command)
app.command("inspect")(inspect_command)
app.command("plot")(plot_command)

_EXTRA_OF_COMMAND = {"train": "train", "export": "train", "eval": "eval", "plot": "train"}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lander {version('lander-rl')}")
        raise typer.Exit


@app.callback()
def _global_options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Train a policy, export it to one verified ONNX file, and run, score and record that file."""


def main() -> None:
    """Run the command line; exits with the codes that `lander_runtime.errors` lists."""
    exit_on_sigterm()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to lose a result.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        # Accepted anywhere on the line, where people type it after the fact.
        app(args=[*(["--debug"] if debug else []), *(a for a in arguments if a != "--debug")])
    except LanderError as error:
        if debug:
            traceback.print_exc()
        complain(str(error))
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF_COMMAND.get(next((a for a in arguments if not a.startswith("-")), ""))
        if debug or extra is None or (error.name or "").startswith("lander_"):
            raise
        complain(f"The package {error.name!r} is not installed. Type: pip install 'lander-rl[{extra}]'")
        sys.exit(4)
    except (MemoryError, RuntimeError) as error:
        # PyTorch has no class of its own for it.
        if debug or not (isinstance(error, MemoryError) or "can't allocate memory" in str(error)):
            raise
        complain(f"There is not enough memory for this: {str(error).splitlines()[0][:200]}")
        sys.exit(4)
    except OSError as error:
        if debug:
            raise
        complain(f"The system refused: {error}.")
        sys.exit(4 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 3)
