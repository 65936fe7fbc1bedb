"""A policy file in float32 becomes one of smaller numbers that acts like it and scores as well; else none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from lander_export.exporting import Exported, files_beside, write_files
from lander_export.gate import BATCH_SIZES, check_form
from lander_export.model import tidy, with_metadata
from lander_export.precision.eight_bits import to_eight_bits
from lander_export.precision.episodes import observations_of
from lander_export.precision.half import to_half
from lander_export.writer import OPSET
from lander_runtime.checks.timing import timings
from lander_runtime.episodes.episode import EpisodeObserver
from lander_runtime.errors import CheckFailed, InputRefused, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL, Limits
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.agreement import LARGEST_TOLERANCE, difference, usual_scale
from lander_runtime.policy.metadata import Golden, PolicyInfo, Precision, Verification
from lander_runtime.policy.policy import Policy
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.scores.paired import PairedDifference, is_worse, paired_difference
from lander_runtime.scores.report import Report
from lander_runtime.seeds import FIRST_CALIBRATION_SEED, FIRST_REDUCTION_SEED
from lander_runtime.spec import Space, filled_bounds
from lander_runtime.text import shortened

LEAST_AGREEMENT: Mapping[str, float] = {"float16": 0.99, "int8": 0.95}
"""Share of the actions on fresh observations that have to stay what they were."""

_CLOSE = 0.02
"""A continuous number stays what it was if it moves by no more than this share of its range."""

_COMPARED = 256
_COMPARED_IMAGES = 8
"""Observations on which two runs of the new network are compared; the reference takes some 50 ms an image."""

FEWEST_EPISODES = 10
"""With fewer, a comparison of scores shows nothing."""


@dataclass(frozen=True)
class Reduced:
    """The files that were written, and how they compare with the file in float32."""

    files: Exported
    paired: PairedDifference
    """Returns of the new file less those of the old one, on the same seeds."""
    bytes_before: int
    bytes_after: int
    seconds_before: float
    """Median wall-clock time of one action on one thread of the CPU."""
    seconds_after: float


def reduce_precision(
    original: Policy,
    number_format: str,
    out: Path,
    *,
    episodes: int = 100,
    gif: bool = True,
    large: bool = False,
    on_stage: Callable[[str], None] = lambda stage: None,
    observer: EpisodeObserver | None = None,
) -> Reduced:
    """Write a policy file with numbers of `number_format`. If a check fails, nothing is written.

    Args:
        original: in float32, on the CPU.
        number_format: `float16` or `int8`.
        out: the new policy file; card and animation have its name with .md and .gif.
        episodes: how many to compare the scores over, at least `FEWEST_EPISODES`.
        gif: whether to record the first scored episode.
        large: of a graph that takes more memory and work than is usual.
        on_stage: is called with the name of each stage.
        observer: is called with every scored episode, first those of the original.

    Raises:
        CheckFailed: a weight does not fit, too many actions differ, or the new file scores worse.
        InputRefused: the original is not in float32.
        UsageError: `out` does not end in .onnx, is the original, or cannot be written; or too few episodes.
    """
    wanted = _checked(original, out, episodes, gif)
    on_stage("calibrating")
    model = _converted(original, number_format)
    on_stage("verifying")
    info = _described(original, model, number_format, LARGE if large else USUAL)
    draft = Policy.from_bytes(with_metadata(model, info.to_json()), out, "cpu", large)
    on_stage("scoring")
    before, report = (
        evaluate(policy, episodes=episodes, workers="auto", observer=observer) for policy in (original, draft)
    )
    paired = _compared(before, report, number_format)
    info = replace(info, evaluation=report.summary)
    content = with_metadata(model, info.to_json())
    policy = Policy.from_bytes(content, out, "cpu", large)
    seconds = _seconds(original, policy)
    on_stage("recording")
    written = write_files(replace(wanted, info=info, report=report), content, policy, None)
    return Reduced(written, paired, len(original.content), len(content), *seconds)


def _checked(original: Policy, out: Path, episodes: int, gif: bool) -> Exported:
    """What is to be written, where it can be."""
    precision = original.info.precision
    if precision is not None:
        raise InputRefused(
            f"{original.path.name} is in {shortened(precision.format, 40)} already. Name the file in float32."
        )
    if out.resolve() == original.path.resolve():
        raise UsageError(f"--out {out} is the file to be made smaller. Choose another name.")
    if episodes < FEWEST_EPISODES:
        raise UsageError(
            f"--episodes {episodes}: the scores are compared, and fewer than {FEWEST_EPISODES} show nothing."
        )
    card, animation = files_beside(out, gif=gif)
    return Exported(out, card, animation, original.info, None)


def _converted(original: Policy, number_format: str) -> onnx.ModelProto:
    # From what was read of the file, as everything that ONNX Runtime is given.
    read = onnx.load_from_string(read_model(original.content, original.path.name).to_bytes())
    if number_format == "float16":
        made = to_half(read)
    else:
        made = to_eight_bits(read, observations_of(original, FIRST_CALIBRATION_SEED))
    model = tidy(made)
    model.graph.name = read.graph.name
    check_form(model)
    return model


def _described(original: Policy, model: onnx.ModelProto, number_format: str, limits: Limits) -> PolicyInfo:
    """The metadata of the new file, but for the evaluation."""
    name = "the new model"
    read = read_model(model.SerializeToString(), name)
    session = open_session(read, name, "cpu", limits=limits)
    observations = observations_of(original, FIRST_REDUCTION_SEED)
    return replace(
        original.info,
        verification=_agreement(original, session, observations, number_format),
        evaluation=None,
        golden=_golden(original, session, _spread(model, session, observations)),
        weights_sha256=weights_digest(read),
        precision=Precision(number_format, original.info.weights_sha256),
    )


def _agreement(
    original: Policy, session: OpenSession, observations: NDArray[Any], number_format: str
) -> Verification:
    """Compare both on observations that the ranges were not taken from.

    Raises:
        CheckFailed: too many actions differ.
    """
    expected = original.outputs(observations)
    same, worst = np.ones(len(observations), bool), 0.0
    for size in BATCH_SIZES:
        found = _run(session, list(expected), observations, size)
        same &= _as_before(found["action"], expected["action"], original.action)
        names = [name for name in expected if name != "action"]
        worst = max(worst, *(difference(found[name], expected[name]) for name in names))
    share, least = float(np.mean(same)), LEAST_AGREEMENT[number_format]
    if not (np.isfinite(worst) and share >= least):
        raise CheckFailed(
            f"In {number_format} {share:.2%} of the actions on {len(same):,} observations are those of "
            f"{original.path.name}, and {least:.0%} have to be. Nothing was written."
        )
    return Verification(len(same), worst, share, 0)


def _run(
    session: OpenSession, names: list[str], observations: NDArray[Any], size: int
) -> dict[str, NDArray[Any]]:
    starts = range(0, len(observations), size)
    parts = [session.run(names, {"obs": observations[start : start + size]}) for start in starts]
    return {
        name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)
    }


def _as_before(found: NDArray[Any], expected: NDArray[Any], action: Space) -> NDArray[np.bool_]:
    """Which rows `[M]` hold the action of the original, continuous ones within `_CLOSE` of their range."""
    if action.type != "Box":
        return _everywhere(np.equal(found, expected))
    low, high = filled_bounds(action)
    span = high - low
    allowed = _CLOSE * np.where(np.isfinite(span), span, usual_scale(expected))
    return _everywhere(np.abs(found - expected) <= allowed)


def _everywhere(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows `[M]` of `[M, ...]` in which all numbers hold."""
    return np.asarray(holds.reshape(len(holds), -1).all(axis=1))


def _spread(model: onnx.ModelProto, session: OpenSession, observations: NDArray[Any]) -> float:
    """How far two runs of the new network are apart: ONNX Runtime's and the one of onnx's own reference.

    ONNX Runtime computes float16 in float32 where a processor has no such products, and adds up 8-bit numbers
    as integers; the reference rounds after every operator. A GPU lies between them.
    """
    rows = _COMPARED if observations.ndim == 2 else _COMPARED_IMAGES
    some = observations[np.linspace(0, len(observations) - 1, rows, dtype=int)]
    names = [output.name for output in model.graph.output if output.name != "action"]
    later = onnx.ModelProto()
    later.CopyFrom(model)
    # The reference has the operators of quantisation from opset 19 on, where they mean the same.
    later.opset_import[0].version = OPSET + 1
    # Not all of its kernels are written for numbers that overflow or round to nothing.
    with np.errstate(all="ignore"):
        plain = ReferenceEvaluator(later).run(names, {"obs": some})
    found = session.run(names, {"obs": some})
    return max(difference(a, np.asarray(b)) for a, b in zip(found, plain, strict=True))


def _golden(original: Policy, session: OpenSession, spread: float) -> Golden:
    """The same observations, with what the new network gives for them.

    The scale leaves room for twice the `spread`, or every processor but this one would refuse the file.
    """
    golden = original.info.golden
    observations = np.asarray(golden.observations, original.observation.dtype)
    outputs = session.run(list(golden.outputs), {"obs": observations})
    scale = {}
    for name, values in zip(golden.outputs, outputs, strict=True):
        usual = usual_scale(values)
        told = usual if golden.scale is None else np.asarray(golden.scale[name], np.float64)
        scale[name] = np.maximum(told, usual * 2.0 * spread / LARGEST_TOLERANCE).tolist()
    return Golden(
        golden.observations,
        {name: values.tolist() for name, values in zip(golden.outputs, outputs, strict=True)},
        scale,
        LARGEST_TOLERANCE,
    )


def _compared(before: Report, after: Report, number_format: str) -> PairedDifference:
    paired = paired_difference(
        after.results.returns,
        before.results.returns,
        first_seed=before.summary.first_seed,
        reward_threshold=before.env.reward_threshold,
    )
    if is_worse(paired, before.results.returns):
        raise CheckFailed(
            f"In {number_format} the policy scores {after.summary.mean_return:.1f} and in float32 "
            f"{before.summary.mean_return:.1f} on the same {before.summary.episodes:,} seeds: it is shown to "
            "be worse, and by more than 1%. Nothing was written."
        )
    return paired


def _seconds(original: Policy, policy: Policy) -> tuple[float, float]:
    """Median times of one action, before and after."""
    golden = np.asarray(original.info.golden.observations, original.observation.dtype)
    found = timings({"before": lambda: original.act(golden[0]), "after": lambda: policy.act(golden[0])})
    return found["before"].p50, found["after"].p50
