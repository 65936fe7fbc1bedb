"""`export_c`: a policy becomes one C header, for programs without ONNX Runtime.

Apart from `export.py`, whose product is the policy file: a header can be made of such a file too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.exporting.source import SourceRequest, find_checkpoint, load_checkpoint
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules, without_module
from lander_runtime.errors import UsageError
from lander_runtime.files import sha256_of, write_text

if TYPE_CHECKING:
    from lander_export.c_header import Header
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.graphs.model import Model
    from lander_runtime.policy.base import PolicyFile


@dataclass(frozen=True, kw_only=True)
class CHeaderRequest(SourceRequest):
    """The arguments of `export_c`; `source` may be a policy file (.onnx) too.

    Of a policy file without lander's metadata `env` names the environment.
    """

    name: str = "policy"
    """What all names in the header begin with: lower-case letters, digits and single underscores."""

    output: str | None = None
    """Which output of a file without lander's metadata is the action, where that is not clear."""

    action_range: str | None = None
    """What the continuous actions of such a file are, as in `EvaluateRequest`."""


@dataclass(frozen=True, repr=False)
class CHeader(RowResult):
    """A header that was written."""

    path: Path
    name: str
    """What all names in it begin with."""
    environment: str
    """The id."""
    network: str
    """Such as `8 -> 64 tanh -> 64 tanh -> 4`."""
    numbers: int
    """Weights and other constants, four bytes each."""
    golden_vectors: int
    tolerance: float
    """Largest difference, divided by the scale, that its self-test lets pass."""
    observations: int
    """On how many the network was compared with ONNX Runtime."""
    max_difference: float
    """The largest difference found there, divided by the scale."""
    weights_sha256: str
    sha256: str
    """Of the header itself."""
    assumptions: tuple[str, ...]
    """What was assumed where the policy file says nothing, a sentence each."""

    def rows(self) -> list[tuple[str, str]]:
        """What was written, as names and values."""
        return [
            ("header", f"{self.path} ({self.path.stat().st_size / 1000:.0f} kB of text)"),
            ("environment", self.environment),
            ("network", f"{self.network}; {self.numbers:,} numbers, {4 * self.numbers / 1000:.1f} kB"),
            ("verified", f"{self.observations:,} observations, largest difference {self.max_difference:.1e}"),
            ("self-test", f"{self.name}_self_test() compares {self.golden_vectors} golden vectors"),
            *(("assumed", sentence) for sentence in self.assumptions),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander export --format c --json` prints it."""
        return {
            "schema": "lander.c_header/1",
            "header": str(self.path),
            "name": self.name,
            "environment": self.environment,
            "network": self.network,
            "numbers": self.numbers,
            "golden_vectors": self.golden_vectors,
            "tolerance": self.tolerance,
            "verification": {"observations": self.observations, "max_difference": self.max_difference},
            "weights_sha256": self.weights_sha256,
            "sha256": self.sha256,
            "assumptions": list(self.assumptions),
        }


@names_arguments
def export_c(
    source: Filename | None = None,
    out: Filename | None = None,
    *,
    name: str = "policy",
    env: str | None = None,
    env_args: Mapping[str, Any] | None = None,
    output: str | None = None,
    action_range: str | None = None,
    license: str | None = None,  # noqa: A002 (the metadata's own word)
    wrap: "Wrap | None" = None,
    imports: Sequence[str] = (),
) -> CHeader:
    """Write a policy as one C99 header: weights, forward pass, greedy action, golden vectors, self-test.

    What else another library's checkpoint needs (its normalisation, its activation) is said to `export`
    first; its policy file is then the source here.

    Args:
        source: a policy file, or what `export` takes; the newest run by default.
        out: the header, which ends in .h; `policy.h` beside the source by default.
        name: what all names in it begin with.
        env: the environment of a file that does not name it.
        env_args: arguments of `env`, which may decide on its observations and actions.
        output: which output of a file without lander's metadata is the action, where that is not clear.
        action_range: what the continuous actions of such a file are, as of `evaluate`.
        license: what the header says about its licence; not for a policy file, which says it itself.
        wrap: wrappers around `env`, as of `evaluate`.
        imports: modules that register environments.

    Raises:
        CheckFailed: the network that was read does not agree with ONNX Runtime; nothing is written.
        InputRefused: there is no such file, it is corrupt, or its policy is no multilayer perceptron.
        UsageError: an argument that does not go with the source, or `out` cannot be written.
    """
    return run_export_c(
        CHeaderRequest(
            source=path_of(source), out=path_of(out),
            name=name, env=env, env_args=env_args, output=output, action_range=action_range, license=license,
            wrap=wrap, imports=imports,
        )
    )  # fmt: skip


def run_export_c(request: CHeaderRequest, say: Callable[[str], None] = lambda text: None) -> CHeader:
    """`export_c` with its arguments as a request, and with `say` for lines to the user; raises the same."""
    from lander_export.c_header import is_name, material_of, write_header

    if not is_name(request.name):
        raise UsageError(
            f"--name {request.name!r} cannot begin names in C. Choose lower-case letters, digits and single "
            "underscores, such as: --name lander"
        )
    import_modules(request.imports)
    source = request.source
    is_policy = source is not None and source.suffix == ".onnx"
    path = source if source is not None and is_policy else find_checkpoint(source, request.imports)
    out = _target(request, path, say)
    policy, model = _opened(path, request) if is_policy else _converted(path, request, say)
    header = write_header(material_of(policy, model), request.name)
    write_text(out, header.text)
    return _described(out, request.name, header)


def _target(request: CHeaderRequest, path: Path, say: Callable[[str], None]) -> Path:
    out = request.out or path.with_name(f"{request.name}.h")
    if out.suffix != ".h":
        raise UsageError(f"{out.name} should end in .h, since --format c writes a header.")
    check_all_writable(out, say=say)
    return out


def _opened(path: Path, request: CHeaderRequest) -> "tuple[PolicyFile, Model]":
    """A policy file of any origin, its golden vectors checked."""
    from lander_rl.inputs.file_options import FileOptions
    from lander_rl.inputs.opening import open_for
    from lander_runtime.foreign.external_weights import read_files, with_weights
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.content import USUAL_FILE_BYTES
    from lander_runtime.policy.policy import Policy

    _check_options(path, request)
    content, weights = read_files(path)
    model = read_model(content, path.name)
    options = FileOptions(output=request.output, action_range=request.action_range)
    as_it_says = request.env is None and request.wrap is None and options == FileOptions()
    if model.metadata is not None and as_it_says:
        # Not through `open_for`, which needs Gymnasium for files that do not say what they are.
        policy = Policy.from_bytes(content, path, "cpu")
    else:
        env = None if request.env is None else without_module(request.env, request.imports)
        opened = open_for(
            path, env, device="cpu", env_args=request.env_args, wrap=request.wrap, options=options
        )
        policy = opened.file
    assert policy is not None, "a file was named"
    return policy, with_weights(model, weights, path, USUAL_FILE_BYTES) if weights else model


def _check_options(path: Path, request: CHeaderRequest) -> None:
    """Refuse what is for checkpoints, and arguments of an environment without its name."""
    if request.env_args and request.env is None:
        raise UsageError("--env-arg goes with --env, for a policy that does not name its environment.")
    option = request.first_given("activation", "squash", "license")
    if option is not None:
        raise UsageError(f"{path.name} is a policy file already; leave out {option}.")
    option = request.first_given("normalizer", "normalizer_epsilon", "normalizer_clip", "pixel_scale")
    if option is not None:
        # Left out, the header would act on other numbers than the network was trained on.
        raise UsageError(
            f"{option}: a header takes what is inside an ONNX file. Export the checkpoint itself with this "
            "option, or the network with its normalisation inside."
        )


def _converted(path: Path, request: CHeaderRequest, say: Callable[[str], None]) -> "tuple[PolicyFile, Model]":
    """A checkpoint as the policy file that `export` would write, verified and without a score."""
    from lander_export import convert
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.policy import Policy

    option = request.first_given("output", "action_range")
    if option is not None:
        raise UsageError(f"{option} is for ONNX files of other libraries; leave it out.")
    content = convert(load_checkpoint(path, request, say), license=request.license)
    name = path.with_suffix(".onnx")
    return Policy.from_bytes(content, name, "cpu"), read_model(content, name.name)


def _described(out: Path, name: str, header: "Header") -> CHeader:
    material, agreement = header.material, header.agreement
    return CHeader(
        path=out,
        name=name,
        environment=material.policy.env.id,
        network=str(material.network),
        numbers=material.network.numbers,
        golden_vectors=len(header.golden.observations),
        tolerance=header.golden.tolerance,
        observations=agreement.observations,
        max_difference=agreement.max_difference,
        weights_sha256=material.weights_sha256,
        sha256=sha256_of(header.text.encode("ascii")),
        assumptions=material.policy.assumptions,
    )
