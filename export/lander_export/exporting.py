"""Checkpoint -> verified policy file, card and animation. Public entry: `export`."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from lander_export.card import render_card
from lander_export.double import run_in_double, tolerance_of
from lander_export.gate import check_agreement, check_form, verification_observations
from lander_export.graph import PolicyGraph
from lander_export.model import build_model, with_metadata
from lander_export.source import Recipe, Source
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.episode import EpisodeObserver
from lander_runtime.errors import EnvironmentFailed, MachineLacks, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.files import atomic_writes, check_writable
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.pictures.record import record_episode
from lander_runtime.policy.metadata import MULTI_DISCRETE_SCHEMA, SCHEMA, Golden, PolicyInfo
from lander_runtime.policy.policy import Policy
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.scores.report import Report
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_trainer.threads import cpu_threads

_GOLDEN = 8
"""Golden vectors in a file, for observations that are vectors."""
_GOLDEN_IMAGES = 2
"""For images: each is some ten thousand numbers, and all of them are in the file's metadata."""


@dataclass(frozen=True)
class Exported:
    """The files that an export wrote, and their contents."""

    policy: Path
    card: Path
    gif: Path | None
    """None if no animation was recorded."""
    info: PolicyInfo
    """The policy file's metadata."""
    report: Report | None
    """The evaluation; None if there was none."""
    undrawn: str = ""
    """Why there is no animation although one was wanted, as a sentence; else empty."""


def export(
    source: Source,
    out: Path,
    *,
    episodes: int = 100,
    gif: bool = True,
    license: str | None = None,  # noqa: A002 (the metadata's own word)
    on_stage: Callable[[str], None] = lambda stage: None,
    observer: EpisodeObserver | None = None,
) -> Exported:
    """Convert, verify, score and write a policy. If a check fails, nothing is written.

    Args:
        source: from `load_source`.
        out: the policy file; card and animation have its name with .md and .gif.
        episodes: how many to score it over; 0 leaves the evaluation out.
        gif: whether to record the first scored episode. Where the environment cannot be drawn, the policy is
            written without it.
        license: the licence named in the file; by default MIT for a policy trained here and `unknown` for
            other weights.
        on_stage: is called with the name of each stage: converting, verifying, scoring, recording.
        observer: is called with every scored episode.

    Raises:
        CheckFailed: the model is malformed, or PyTorch and ONNX Runtime do not agree.
        UsageError: `out` does not end in .onnx, a file cannot be written, or `license` is not one line of
            text; this is checked first.
    """
    card, animation = files_beside(out, gif=gif)
    _check_licence(license)
    with _threads(source):
        model, info = _verified(source, license, on_stage)
    report = None
    if episodes:
        on_stage("scoring")
        # On the CPU, so that a repeated export gives the same bytes on a machine with a GPU too.
        draft = Policy.from_bytes(with_metadata(model, info.to_json()), out, "cpu")
        report = evaluate(draft, episodes=episodes, workers="auto", observer=observer)
        info = replace(info, evaluation=report.summary)
    content = with_metadata(model, info.to_json())
    policy = Policy.from_bytes(content, out, "cpu")
    policy.self_test()
    on_stage("recording")
    return write_files(Exported(out, card, animation, info, report), content, policy, source.reproduce)


def files_beside(out: Path, *, gif: bool) -> tuple[Path, Path | None]:
    """The card and the animation of the policy file `out`; without `gif` there is none.

    Raises:
        UsageError: `out` does not end in .onnx, or one of the files cannot be written.
    """
    if out.suffix != ".onnx":
        raise UsageError(
            f"{out.name} should end in .onnx; card and animation take its name with .md and .gif."
        )
    card, animation = out.with_suffix(".md"), out.with_suffix(".gif")
    for target in (out, card, *([animation] if gif else [])):
        check_writable(target)
    return card, animation if gif else None


def write_files(wanted: Exported, content: bytes, policy: Policy, reproduce: Recipe | str | None) -> Exported:
    """Write policy, card and animation: all of them new, or all as they were.

    Args:
        wanted: what is to be written.
        content: of the policy file.
        policy: the same, open; it acts in the animation.
        reproduce: as in `Source`.

    Returns:
        What was written: without the animation where the environment cannot be drawn.
    """
    animation = [] if wanted.gif is None else [wanted.gif]
    # The policy first: it is of use without its card, and a card is not without its policy.
    with atomic_writes(wanted.policy, wanted.card, *animation) as (file, card, *pictures):
        undrawn = _record(policy, pictures)
        written = replace(wanted, gif=None, undrawn=undrawn) if undrawn else wanted
        text = render_card(
            written.info,
            file_name=written.policy.name,
            gif_name=None if written.gif is None else written.gif.name,
            reproduce=reproduce,
        )
        file.write_bytes(content)
        card.write_text(text, encoding="utf-8")
    return written


def _record(policy: Policy, animations: list[Path]) -> str:
    """Draw the first scored episode into each of `animations`, one or none; else remove them and say why."""
    for path in animations:
        try:
            record_episode(actor_of(policy), policy.env, FIRST_EVALUATION_SEED, path)
        except (EnvironmentFailed, MachineLacks, UsageError) as error:
            path.unlink()
            return str(error)
    return ""


def convert(
    source: Source,
    *,
    license: str | None = None,  # noqa: A002 (the metadata's own word)
    on_stage: Callable[[str], None] = lambda stage: None,
) -> bytes:
    """A verified policy file without a score, for what is made of it; nothing is written.

    Arguments and errors as of `export`.
    """
    _check_licence(license)
    with _threads(source):
        model, info = _verified(source, license, on_stage)
    return with_metadata(model, info.to_json())


def _check_licence(licence: str | None) -> None:
    if licence is not None and not (licence.strip() and licence.isprintable()):
        raise UsageError(f"A licence is one line of text, such as MIT or CC-BY-4.0; found {licence!r}.")


def _threads(source: Source) -> contextlib.AbstractContextManager[None]:
    """For a small network a second thread does nothing but wait, at the price of the first."""
    return cpu_threads(1) if len(source.observation.shape) == 1 else contextlib.nullcontext()


def _verified(
    source: Source, licence: str | None, on_stage: Callable[[str], None]
) -> tuple[onnx.ModelProto, PolicyInfo]:
    """The model, and its metadata but for the evaluation."""
    on_stage("converting")
    graph = source.graph
    model = build_model(graph, source.observation, graph.outputs)
    on_stage("verifying")
    check_form(model)
    observations = verification_observations(graph, source.env, source.observation)
    tolerance = tolerance_of(graph, source.observation)
    name = "the exported model"
    read = read_model(model.SerializeToString(), name)
    session = open_session(read, name, "cpu")
    return model, PolicyInfo(
        env=source.env,
        observation=source.observation,
        action=source.action,
        training=source.training,
        verification=check_agreement(graph, model.SerializeToString(), observations, tolerance),
        evaluation=None,
        golden=_golden(graph, session, observations, tolerance),
        weights_sha256=weights_digest(read),
        license=licence or source.license,
        created=source.created,
        schema=MULTI_DISCRETE_SCHEMA if source.action.nvec else SCHEMA,
    )


def _golden(graph: PolicyGraph, session: OpenSession, observations: NDArray[Any], tolerance: float) -> Golden:
    """A few observations, spread over the first half of `observations`, with ONNX Runtime's outputs."""
    count = _GOLDEN if observations.ndim == 2 else _GOLDEN_IMAGES
    chosen = observations[np.linspace(0, len(observations) // 2, count, dtype=int)]
    outputs = dict(zip(graph.outputs, session.run(graph.outputs, {"obs": chosen}), strict=True))
    scale = run_in_double(graph, chosen).scale
    return Golden(
        chosen.tolist(),
        {name: values.tolist() for name, values in outputs.items()},
        {name: _rounded_up(scale[name]).tolist() for name in graph.outputs},
        tolerance,
    )


def _rounded_up(scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """To two digits: enough for a bound, and the same on every machine."""
    unit = 10.0 ** (np.floor(np.log10(scale)) - 1)
    return np.array([float(f"{v:.6g}") for v in (np.ceil(scale / unit - 1e-6) * unit).flat]).reshape(
        scale.shape
    )
