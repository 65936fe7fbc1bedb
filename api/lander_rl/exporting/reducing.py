"""`export_reduced`: a policy file whose weights and products are in float16 or in 8-bit integers.

Apart from `export.py`, since such a file is made of a policy file, and is judged by that one's actions and
score.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.exporting.export import ExportDisplay, Exported, ExportRequest, no_display
from lander_rl.exporting.source import find_checkpoint, load_checkpoint
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules
from lander_runtime.errors import InputRefused, MachineLacks, UsageError

if TYPE_CHECKING:
    from lander_export.precision.reducing import Reduced
    from lander_runtime.policy.policy import Policy

NumberFormat = Literal["float16", "int8"]

_OPTIONS = {"float16": "half", "int8": "int8"}
"""What the command calls each format, and what a file's name ends in."""

_OF_CHECKPOINTS = (
    "env", "activation", "normalizer", "normalizer_epsilon", "normalizer_clip", "pixel_scale", "squash",
    "license", "wrap",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReduceRequest(ExportRequest):
    """The arguments of `export_reduced`; `source` may be a policy file (.onnx) of `export` too."""

    number_format: NumberFormat = "int8"
    """`float16`, or `int8`."""

    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.number_format not in _OPTIONS:
            raise UsageError(f"The format {self.number_format!r} is not known; choose float16 or int8.")


@dataclass(frozen=True, repr=False)
class ReducedPolicy(Exported):
    """What was written, and how it compares with the file in float32."""

    details: "Reduced"

    def rows(self) -> list[tuple[str, str]]:
        """What was written and what it is worth, as names and values."""
        return [
            *super().rows(),
            ("compared", self._score_in_words()),
            ("size", self._size_in_words()),
            ("one action", self._time_in_words()),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander export --half --json` prints it."""
        details = self.details
        precision = self.info.precision
        return {
            **super().to_json(),
            "schema": "lander.reduced/1",
            "precision": None if precision is None else asdict(precision),
            "paired": details.paired.to_json(),
            "bytes": {"before": details.bytes_before, "after": details.bytes_after},
            "seconds_an_action": {"before": details.seconds_before, "after": details.seconds_after},
        }

    def _score_in_words(self) -> str:
        paired = self.details.paired
        low, high = paired.ci95 or (paired.mean, paired.mean)
        return (
            f"mean return {paired.mean:+.2f} (95% interval {low:+.2f} to {high:+.2f}) against float32 on the "
            f"same seeds: {paired.verdict.value}"
        )

    def _time_in_words(self) -> str:
        before, after = self.details.seconds_before, self.details.seconds_after
        words = "That is faster."
        if after >= 0.95 * before:
            words = "That is no faster: small networks seldom get faster, and float16 seldom does on a CPU."
        return f"{before * 1e6:.1f} us before, {after * 1e6:.1f} us now on this CPU. {words}"

    def _size_in_words(self) -> str:
        before, after = self.details.bytes_before, self.details.bytes_after
        return f"{before / 1000:.0f} kB before, {after / 1000:.0f} kB now"


@names_arguments
def export_reduced(
    source: Filename | None = None,
    out: Filename | None = None,
    *,
    number_format: NumberFormat = "int8",
    episodes: int = 100,
    gif: bool = True,
    large: bool = False,
) -> ReducedPolicy:
    """Write a policy file with smaller numbers, if it acts like the one in float32 and scores as well.

    Inputs and outputs stay as they are. Of int8 the ranges are taken from 16 episodes of the policy itself,
    and the actions are compared on 16 others; no scored episode is among them.

    Args:
        source: a policy file made by `export`, or a run's folder or checkpoint of ours; the newest run by
            default. For another library's checkpoint, `export` it first.
        out: the new policy file; `NAME-half.onnx` or `NAME-int8.onnx` beside the source by default.
        number_format: `float16` or `int8`.
        episodes: of each file, on the same seeds; at least 10.
        gif: record the first scored episode.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.

    Raises:
        CheckFailed: too many actions differ, the new file scores worse, or a weight does not fit.
        InputRefused: there is no such file, or it is corrupt, hostile or not from `export`.
        MachineLacks: a package is missing.
        UsageError: a value is out of range, or `out` cannot be written.
    """
    return run_reduction(
        ReduceRequest(
            source=path_of(source),
            out=path_of(out),
            number_format=number_format,
            episodes=episodes,
            gif=gif,
            large=large,
        )
    )


def run_reduction(
    request: ReduceRequest,
    say: Callable[[str], None] = lambda text: None,
    display: Callable[[], AbstractContextManager[ExportDisplay]] = no_display,
) -> ReducedPolicy:
    """`export_reduced` with its arguments as a request; raises the same errors.

    Args:
        request: what to export.
        say: prints a line for the user.
        display: opens the display of the progress.
    """
    try:
        from lander_export.precision.reducing import reduce_precision
    except ModuleNotFoundError as error:
        raise MachineLacks(f"{error}. Type: pip install 'lander-rl[train]'") from error

    import_modules(request.imports)
    original = _original(request, say)
    check_all_writable(request.out, say=say)
    name = f"{original.path.stem}-{_OPTIONS[request.number_format]}.onnx"
    with display() as shown:
        made = reduce_precision(
            original,
            request.number_format,
            request.out or original.path.with_name(name),
            episodes=request.episodes,
            gif=request.gif,
            large=request.large,
            on_stage=shown.describe,
            observer=shown,
        )
    files = made.files
    if files.undrawn:
        say(f"No animation was recorded. {files.undrawn}")
    return ReducedPolicy(files.policy, files.card, files.gif, files.info, files.report, made)


def _original(request: ReduceRequest, say: Callable[[str], None]) -> "Policy":
    """The policy in float32: a file, or what a checkpoint gives."""
    from lander_export import convert
    from lander_runtime.policy.policy import NoMetadata, Policy

    source = request.source
    if source is None or source.suffix != ".onnx":
        checkpoint = find_checkpoint(source, request.imports)
        content = convert(load_checkpoint(checkpoint, request, say), license=request.license)
        return Policy.from_bytes(content, checkpoint.with_name("policy.onnx"), "cpu", request.large)
    option = request.first_given(*_OF_CHECKPOINTS)
    if option is not None:
        raise UsageError(f"{source.name} is a policy file already; leave out {option}.")
    say(f"Exporting {source}")
    try:
        return Policy.load(source, "cpu", large=request.large)
    except NoMetadata as error:
        raise InputRefused(
            f"{source.name}: an ONNX file without lander's metadata, so there are no episodes to compare on. "
            "Export its checkpoint first: lander export CHECKPOINT --env ENV"
        ) from error
