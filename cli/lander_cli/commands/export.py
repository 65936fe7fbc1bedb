"""`lander export`: a checkpoint becomes one verified policy file with its card and animation."""

from lander_cli.arguments.options import Import, Wrap
from lander_cli.arguments.training_options import (
    Activation,
    AsJson,
    Checkpoint,
    Episodes,
    Gif,
    License,
    PolicyFile,
    StateDictEnv,
)
from lander_cli.terminal.console import episode_bar, print_json, print_next, print_rows, say


def export_command(
    source: Checkpoint = None,
    out_file: PolicyFile = None,
    episodes: Episodes = 100,
    env: StateDictEnv = None,
    activation: Activation = None,
    gif: Gif = True,
    license_: License = None,
    wrap: Wrap = None,
    import_: Import = None,
    as_json: AsJson = False,
) -> None:
    """Turn a checkpoint into a verified ONNX policy.

    If ONNX Runtime and PyTorch disagree, nothing is written and the exit code is 1.
    """
    from lander_rl.exporting import ExportRequest, run_export
    from lander_rl.inputs.importing import import_options

    request = ExportRequest(
        source=source, out=out_file, episodes=episodes, env=env, activation=activation, gif=gif,
        license=license_, wrap=wrap, imports=tuple(import_ or []),
    )  # fmt: skip
    made = run_export(request, say, lambda: episode_bar(episodes))
    if as_json:
        print_json(made.to_json())
    else:
        print_rows(made.rows())
    print_next("lander", "eval", made.policy, *import_options(request.imports), "--episodes", "10")
