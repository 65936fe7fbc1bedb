"""`lander export`: a checkpoint becomes one verified policy file with card and animation, or a C header."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lander_cli.arguments.env_args import read_env_args
from lander_cli.arguments.options import ActionRange, Import, Large, Output, TimeLimit, Wrap
from lander_cli.arguments.training_options import (
    Activation,
    AsJson,
    Checkpoint,
    EnvArg,
    Episodes,
    ExportFormat,
    ExportName,
    Format,
    Gif,
    Half,
    Int8,
    License,
    Network,
    Normalizer,
    NormalizerClip,
    NormalizerEpsilon,
    PixelScale,
    PolicyFile,
    Squash,
    StateDictEnv,
)
from lander_cli.terminal.console import episode_bar, print_next, print_result, say
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_rl.exporting.reducing import NumberFormat

_CONVERTING = (
    "env", "env_arg", "activation", "normalizer", "normalizer_epsilon", "normalizer_clip", "pixel_scale",
    "squash", "license_", "wrap", "import_", "network",
)  # fmt: skip
_FORMATS = {
    **dict.fromkeys(("episodes", "gif", "max_episode_steps"), (Format.ONNX,)),
    **dict.fromkeys(("output", "action_range"), (Format.C,)),
    "name": (Format.C, Format.TRITON),
    "large": (Format.TRITON,),
    **dict.fromkeys(_CONVERTING, (Format.ONNX, Format.C)),
}
"""Options that some formats have no use for, and those that have."""


def export_command(
    context: typer.Context,
    source: Checkpoint = None,
    format_: ExportFormat = Format.ONNX,
    half: Half = False,
    int8: Int8 = False,
    out_file: PolicyFile = None,
    episodes: Episodes = 100,
    env: StateDictEnv = None,
    env_arg: EnvArg = None,
    max_episode_steps: TimeLimit = None,
    activation: Activation = None,
    normalizer: Normalizer = None,
    normalizer_epsilon: NormalizerEpsilon = None,
    normalizer_clip: NormalizerClip = None,
    pixel_scale: PixelScale = None,
    squash: Squash = None,
    gif: Gif = True,
    license_: License = None,
    name: ExportName = None,
    output: Output = None,
    action_range: ActionRange = None,
    wrap: Wrap = None,
    import_: Import = None,
    network: Network = None,
    large: Large = False,
    as_json: AsJson = False,
) -> None:
    """Turn a checkpoint, ours or another library's, into a verified ONNX policy or one C header.

    A policy file becomes a C header too, a model of Triton, or a policy file with smaller numbers.

    If ONNX Runtime and PyTorch disagree, or smaller numbers act or score worse, nothing is written and the
    exit code is 1.
    """
    precision = _precision(format_, half=half, int8=int8)
    _check_options(context, format_, reduced=precision is not None)
    if format_ is Format.TRITON:
        _export_triton(source, out_file, name, large=large, as_json=as_json)
        return
    common = {
        "source": source, "out": out_file, "env": env, "env_args": read_env_args(env_arg or []),
        "max_episode_steps": max_episode_steps, "activation": activation,
        "normalizer": normalizer, "normalizer_epsilon": normalizer_epsilon,
        "normalizer_clip": normalizer_clip, "pixel_scale": pixel_scale, "squash": squash,
        "license": license_, "wrap": wrap, "imports": tuple(import_ or []), "network": network,
    }  # fmt: skip
    if format_ is Format.C:
        _export_c({**common, "output": output, "action_range": action_range}, name, as_json=as_json)
        return
    if gif and not episodes and _is_typed(context, "gif"):
        raise UsageError(
            "--gif records the first scored episode, and --episodes 0 scores none. Leave one out."
        )
    scored = {**common, "episodes": episodes, "gif": gif}
    if precision is None:
        _export_policy(scored, as_json=as_json)
    else:
        _export_reduced({**scored, "number_format": precision, "large": large}, as_json=as_json)


def _export_policy(given: dict[str, Any], *, as_json: bool) -> None:
    from lander_rl.exporting.export import ExportRequest, run_export
    from lander_rl.inputs.importing import import_options

    request = ExportRequest(**given)
    made = run_export(request, say, lambda: episode_bar(request.episodes))
    print_result(made, as_json=as_json)
    print_next("lander", "eval", made.policy, *import_options(request.imports), "--episodes", "10")


def _export_reduced(given: dict[str, Any], *, as_json: bool) -> None:
    from lander_rl.exporting.reducing import ReduceRequest, run_reduction

    request = ReduceRequest(**given)
    # The original is scored too.
    reduced = run_reduction(request, say, lambda: episode_bar(2 * request.episodes))
    print_result(reduced, as_json=as_json)
    print_next("lander", "bench", reduced.policy)


def _export_c(given: dict[str, Any], name: str | None, *, as_json: bool) -> None:
    from lander_rl.exporting.c_header import CHeaderRequest, run_export_c
    from lander_rl.inputs.importing import import_options

    request = CHeaderRequest(**given, name=name or CHeaderRequest.name)
    header = run_export_c(request, say)
    print_result(header, as_json=as_json)
    say(f'In a program: #include "{header.path.name}", then {header.name}_act(observation)')
    source, imports = request.source, import_options(request.imports)
    if source is not None and source.suffix == ".onnx":
        print_next("lander", "verify", source, *imports, "--all-runtimes")
    else:
        print_next("lander", "export", *([] if source is None else [source]), *imports)


def _precision(format_: Format, *, half: bool, int8: bool) -> "NumberFormat | None":
    """What --half and --int8 ask for; None where neither was typed.

    Raises:
        UsageError: both were, or one with another format.
    """
    if half and int8:
        raise UsageError("--half and --int8 are two formats of the same numbers; choose one.")
    if not (half or int8):
        return None
    if format_ is not Format.ONNX:
        option = "--half" if half else "--int8"
        raise UsageError(f"{option} goes with --format {Format.ONNX.value}; leave it out.")
    return "float16" if half else "int8"


def _check_options(context: typer.Context, wanted: Format, *, reduced: bool) -> None:
    """Refuse options that were typed and would do nothing.

    Raises:
        UsageError: there is one.
    """
    for parameter, formats in _FORMATS.items():
        if reduced and parameter == "large":
            continue
        if wanted not in formats and _is_typed(context, parameter):
            option = parameter.rstrip("_").replace("_", "-")
            owners = " or ".join(one.value for one in formats)
            more = ", --half or --int8" if parameter == "large" else ""
            raise UsageError(f"--{option} goes with --format {owners}{more}; leave it out.")


def _is_typed(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _export_triton(
    source: Path | None, out: Path | None, name: str | None, *, large: bool, as_json: bool
) -> None:
    from lander_rl.exporting.triton import TritonRequest, run_export_triton

    made = run_export_triton(
        TritonRequest(source=source, out=out or TritonRequest.out, name=name, large=large), say
    )
    print_result(made, as_json=as_json)
    print_next("tritonserver", "--model-repository", made.config.parents[1])
