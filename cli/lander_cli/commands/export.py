"""`lander export`: a checkpoint becomes one verified policy file with card and animation, or a C header."""

import typer

from lander_cli.arguments.options import ActionRange, Import, Output, Wrap
from lander_cli.arguments.training_options import (
    Activation,
    AsJson,
    Checkpoint,
    Episodes,
    ExportFormat,
    Format,
    Gif,
    HeaderName,
    License,
    Normalizer,
    NormalizerClip,
    NormalizerEpsilon,
    PixelScale,
    PolicyFile,
    Squash,
    StateDictEnv,
)
from lander_cli.terminal.console import episode_bar, print_json, print_next, print_rows, say
from lander_runtime.errors import UsageError

_ONLY = {
    **dict.fromkeys(("episodes", "gif"), Format.ONNX),
    **dict.fromkeys(("name", "output", "action_range"), Format.C),
}
"""Options that one format has and the other has no use for."""


def export_command(
    context: typer.Context,
    source: Checkpoint = None,
    format_: ExportFormat = Format.ONNX,
    out_file: PolicyFile = None,
    episodes: Episodes = 100,
    env: StateDictEnv = None,
    activation: Activation = None,
    normalizer: Normalizer = None,
    normalizer_epsilon: NormalizerEpsilon = None,
    normalizer_clip: NormalizerClip = None,
    pixel_scale: PixelScale = None,
    squash: Squash = None,
    gif: Gif = True,
    license_: License = None,
    name: HeaderName = "policy",
    output: Output = None,
    action_range: ActionRange = None,
    wrap: Wrap = None,
    import_: Import = None,
    as_json: AsJson = False,
) -> None:
    """Turn a checkpoint, ours or another library's, into a verified ONNX policy or one C header.

    If ONNX Runtime and PyTorch disagree, nothing is written and the exit code is 1.
    """
    from lander_rl.c_header import CHeaderRequest, run_export_c
    from lander_rl.exporting import ExportRequest, run_export
    from lander_rl.inputs.importing import import_options

    _check_options(context, format_)
    common = {
        "source": source, "out": out_file, "env": env, "activation": activation,
        "normalizer": normalizer, "normalizer_epsilon": normalizer_epsilon,
        "normalizer_clip": normalizer_clip, "pixel_scale": pixel_scale, "squash": squash,
        "license": license_, "wrap": wrap, "imports": tuple(import_ or []),
    }  # fmt: skip
    if format_ is Format.C:
        request = CHeaderRequest(**common, name=name, output=output, action_range=action_range)
        header = run_export_c(request, say)
        print_json(header.to_json()) if as_json else print_rows(header.rows())
        say(f'In a program: #include "{header.path.name}", then {header.name}_act(observation)')
        return
    made = run_export(ExportRequest(**common, episodes=episodes, gif=gif), say, lambda: episode_bar(episodes))
    print_json(made.to_json()) if as_json else print_rows(made.rows())
    print_next("lander", "eval", made.policy, *import_options(common["imports"]), "--episodes", "10")


def _check_options(context: typer.Context, wanted: Format) -> None:
    """Refuse options that were typed and would do nothing.

    Raises:
        UsageError: there is one.
    """
    for parameter, owner in _ONLY.items():
        source = context.get_parameter_source(parameter)
        if owner is not wanted and source is not None and source.name == "COMMANDLINE":
            option = parameter.replace("_", "-")
            raise UsageError(f"--{option} goes with --format {owner.value}; leave it out.")
