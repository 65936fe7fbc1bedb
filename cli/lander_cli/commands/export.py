"""`lander export`: a checkpoint becomes one verified policy file with its card and animation."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.arguments.numbers import whole_number
from lander_cli.outputs.figures import verification_in_words
from lander_cli.terminal.console import episode_bar, out, pairs, print_json, print_next, say
from lander_runtime.errors import InputRefused
from lander_runtime.scores.words import score_in_words

if TYPE_CHECKING:
    from lander_export import Exported


def export_command(
    source: Annotated[
        Path | None,
        typer.Argument(help="A run's folder, a checkpoint or a state dict.", show_default="the newest run"),
    ] = None,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="The policy file.", show_default="policy.onnx beside the checkpoint"),
    ] = None,
    episodes: Annotated[
        int, typer.Option(parser=whole_number(0), metavar="INTEGER", help="Episodes to score it over.")
    ] = 100,
    env: Annotated[str | None, typer.Option(help="The environment of a bare state dict.")] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of a bare state dict: tanh, relu, elu or silu.", show_default="tanh")
    ] = None,
    gif: Annotated[bool, typer.Option(help="Record the first scored episode.")] = True,
    license_: Annotated[
        str | None,
        typer.Option("--license", help="Licence to state.", show_default="MIT; unknown for a state dict"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Turn a checkpoint into a verified ONNX policy.

    Where ONNX Runtime and PyTorch disagree, nothing is written and the exit code is 1.
    """
    from lander_cli.terminal.old_versions import warn_of_old_version
    from lander_export import export, load_source
    from lander_runtime import envs

    checkpoint = _find_checkpoint(source)
    say(f"Exporting {checkpoint}")
    if env is not None:
        warn_of_old_version(env)
    loaded = load_source(checkpoint, None if env is None else envs.resolve(env), activation)
    with episode_bar(episodes) as bar:
        result = export(
            loaded,
            out_file or checkpoint.with_name("policy.onnx"),
            episodes=episodes,
            gif=gif,
            license=license_,
            on_stage=bar.describe,
            observer=bar,
        )
    _report(result, as_json)
    print_next("lander", "eval", result.policy, "--episodes", "10")


def _find_checkpoint(source: Path | None) -> Path:
    """The file to export: the best weights of a run, or the file that was named."""
    if source is None:
        from lander_trainer import newest_run

        source = newest_run()
        if source is None:
            raise InputRefused("There is no run under runs/ to export. Type: lander train")
    if not source.is_dir():
        return source
    for name in ("best.safetensors", "checkpoint.safetensors"):
        if (source / name).is_file():
            return source / name
    raise InputRefused(f"{source}: a folder without best.safetensors or checkpoint.safetensors.")


def _report(result: "Exported", as_json: bool) -> None:
    info = result.info
    if as_json:
        print_json(
            {
                "schema": "lander.export/1",
                "policy": str(result.policy),
                "card": str(result.card),
                "gif": None if result.gif is None else str(result.gif),
                "weights_sha256": info.weights_sha256,
                "verification": asdict(info.verification),
                "evaluation": None if info.evaluation is None else info.evaluation.to_json(),
            }
        )
        return
    rows = [
        ("policy", f"{result.policy} ({result.policy.stat().st_size / 1000:.0f} kB)"),
        ("verified", verification_in_words(info.verification, "logits" if info.action.n else "outputs")),
        ("score", score_in_words(info.evaluation)),
        ("card", str(result.card)),
    ]
    if result.gif is not None:
        rows.append(("animation", str(result.gif)))
    out().print(pairs(rows))
