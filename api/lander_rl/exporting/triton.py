"""`export_triton`: a policy file becomes a model of NVIDIA's Triton Inference Server."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.finding import find_own_policy
from lander_rl.outputs.checks import check_all_writable
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import atomic_writes
from lander_runtime.serving.naming import is_address_name, policy_name


@dataclass(frozen=True, kw_only=True)
class TritonRequest:
    """The arguments of `export_triton`."""

    source: Path | None = None
    """A policy file, or a folder with one; the newest run's policy where it is None."""

    out: Path = Path("triton")
    """The model repository: a folder of models, each with a folder of its name."""

    name: str | None = None
    """The model's name in it; after the file or its folder where it is None."""

    max_batch: int = 1024
    """Observations that run together."""

    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual."""


@dataclass(frozen=True, repr=False)
class TritonModel(RowResult):
    """What was written."""

    config: Path
    """`OUT/NAME/config.pbtxt`."""
    model: Path
    """`OUT/NAME/1/model.onnx`: the policy file."""
    name: str

    def rows(self) -> list[tuple[str, str]]:
        """What was written, as names and values."""
        return [
            ("model", f"{self.model} ({self.model.stat().st_size / 1000:.0f} kB)"),
            ("config", str(self.config)),
            ("not run", "no Triton was started here; names, types and shapes are those of the file"),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander export --format triton --json` prints it."""
        return {
            "schema": "lander.triton/1",
            "name": self.name,
            "model": str(self.model),
            "config": str(self.config),
        }


@names_arguments
def export_triton(
    source: Filename | None = None,
    out: Filename = "triton",
    *,
    name: str | None = None,
    max_batch: int = 1024,
    large: bool = False,
) -> TritonModel:
    """Write a policy as a model of Triton: `OUT/NAME/config.pbtxt` and `OUT/NAME/1/model.onnx`.

    Args:
        source: a policy file made by `export`, or a folder with one; by default the newest run's policy.
        out: the model repository, a folder.
        name: the model's name in it; after the file or its folder by default.
        max_batch: observations that run together.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.

    Raises:
        CheckFailed: the golden vectors of the file do not hold here.
        InputRefused: there is no such file, or it is corrupt, hostile or not from `export`.
        UsageError: `name` cannot stand in an address, `out` cannot be written, or no policy was named and the
            newest run has not been exported.
    """
    return run_export_triton(
        TritonRequest(
            source=path_of(source),
            out=Path(out),
            name=name,
            max_batch=max_batch,
            large=large,
        )
    )


def run_export_triton(request: TritonRequest, say: Callable[[str], None] = lambda text: None) -> TritonModel:
    """`export_triton` with its arguments as a request, with `say` for lines to the user; raises the same."""
    from lander_export.triton import write_config
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.content import read_policy_file
    from lander_runtime.policy.policy import Policy

    path, _ = find_own_policy(request.source)
    if path.suffix != ".onnx":
        raise InputRefused(
            f"{path}: --format triton takes a policy file. Make one with: lander export {path}"
        )
    name = policy_name(path) if request.name is None else request.name
    if not is_address_name(name):
        raise UsageError(
            f"--name {name!r} cannot stand in an address. Choose letters, digits, dots, dashes, underscores."
        )
    if request.max_batch < 1:
        raise UsageError(f"--max-batch {request.max_batch} should be at least 1.")
    config, model = request.out / name / "config.pbtxt", request.out / name / "1" / "model.onnx"
    # The folders of the format are no typing error.
    check_all_writable(config, say=say, new_folders=2)
    check_all_writable(model, new_folders=3)
    content = read_policy_file(path, large=request.large)
    policy = Policy.from_bytes(content, path, "cpu", request.large)
    with atomic_writes(model, config) as (for_model, for_config):
        # As it was read, so that nothing that a reader here would not see gets to another one.
        for_model.write_bytes(read_model(content, path.name).to_bytes())
        for_config.write_text(write_config(policy.info, name, request.max_batch), encoding="utf-8")
    return TritonModel(config, model, name)
