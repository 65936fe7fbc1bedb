"""The `lander` command: its commands, and the place where every error becomes a message and an exit code."""

import io
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated

import typer

from lander_cli.arguments.flags import Command, Group
from lander_cli.commands.bench import bench_command
from lander_cli.commands.catalogue import envs_command, models_command, settings_command
from lander_cli.commands.compare import compare_command
from lander_cli.commands.doctor import doctor_command
from lander_cli.commands.eval import eval_command
from lander_cli.commands.export import export_command
from lander_cli.commands.inspect import inspect_command
from lander_cli.commands.merge import merge_command
from lander_cli.commands.play import play_command
from lander_cli.commands.replay import replay_command
from lander_cli.commands.serve import serve_command
from lander_cli.commands.sharing.pull import pull_command
from lander_cli.commands.sharing.push import push_command
from lander_cli.commands.training.demo import demo_command
from lander_cli.commands.training.plot import plot_command
from lander_cli.commands.training.sweep import sweep_command
from lander_cli.commands.training.train import train_command
from lander_cli.commands.verify import verify_command
from lander_cli.failures import explain, fault
from lander_cli.terminal.cell import drawing_into_files
from lander_cli.terminal.console import complain, forget_unwritten, out
from lander_cli.terminal.interrupts import StopRequest, exit_on_signals
from lander_cli.terminal.results import results_only
from lander_cli.terminal.stuck import leaving_when_stuck
from lander_runtime.kernels import fix_kernels
from lander_runtime.text import printable_lines

app = typer.Typer(
    name="lander",
    cls=Group,
    help="Train a policy, export it to one verified ONNX file, and run, score and record that file.",
    epilog="Start with: lander demo",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_COMMANDS: dict[str, Callable[..., object]] = {
    "train": train_command,
    "sweep": sweep_command,
    "export": export_command,
    "eval": eval_command,
    "compare": compare_command,
    "merge": merge_command,
    "inspect": inspect_command,
    "play": play_command,
    "verify": verify_command,
    "bench": bench_command,
    "doctor": doctor_command,
    "plot": plot_command,
    "replay": replay_command,
    "serve": serve_command,
    "push": push_command,
    "pull": pull_command,
    "demo": demo_command,
    "models": models_command,
    "envs": envs_command,
    "settings": settings_command,
}
"""In the order of `--help`."""

for _name, _function in _COMMANDS.items():
    app.command(_name, cls=Command)(results_only()(_function))


def _print_version(wanted: bool) -> None:
    if wanted:
        out().print(f"lander {version('lander-rl')}")
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
    interrupted = exit_on_signals()
    try:
        fix_kernels()
        for stream in (sys.stdout, sys.stderr):
            # A character that the terminal cannot show must not lose a result.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        with leaving_when_stuck(), drawing_into_files():
            _run(sys.argv[1:], interrupted)
    except KeyboardInterrupt:
        # Outside of a command, such as while an error is explained.
        sys.exit(interrupted.exit_code)


def _run(arguments: list[str], interrupted: StopRequest) -> None:
    debug = "--debug" in arguments
    try:
        # Accepted anywhere on the line, because people add it at the end.
        typed = [*(["--debug"] if debug else []), *(a for a in arguments if a != "--debug")]
        app(args=typed, prog_name="lander")
    except Exception as error:
        # A library can make another error of a Ctrl-C.
        if interrupted():
            sys.exit(interrupted.exit_code)
        failure = explain(error, arguments) or fault(error)
        # stderr may be on the same full disk.
        with suppress(OSError):
            if debug:
                # Its last lines are messages, which may repeat what a file holds.
                sys.stderr.write(printable_lines(traceback.format_exc()))
            complain(failure.sentence)
        forget_unwritten()
        sys.exit(failure.exit_code)
