"""`export`: a checkpoint becomes one verified policy file with its card and animation."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lander_rl.exporting.source import SourceRequest, find_checkpoint, load_checkpoint
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.time_limits import warn_of_no_limit
from lander_rl.outputs.checks import check_all_writable
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules
from lander_runtime.files import picture_as_html
from lander_runtime.policy.display import verification_in_words
from lander_runtime.scores.words import score_in_words
from lander_runtime.text import html_table

if TYPE_CHECKING:
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.policy.metadata import PolicyInfo
    from lander_runtime.policy.policy import Policy
    from lander_runtime.scores.report import Report


@dataclass(frozen=True, kw_only=True)
class ExportRequest(SourceRequest):
    """The arguments of `export`; the policy file's name ends in .onnx, `policy.onnx` by default."""

    episodes: int = 100
    """Episodes to score it over, 0 or more; 0 leaves the evaluation out."""

    gif: bool = True
    """Record the first scored episode."""


@dataclass(frozen=True, repr=False)
class Exported(RowResult):
    """What an export wrote. `open` gives the policy itself."""

    policy: Path
    """The policy file."""
    card: Path
    """Its model card, in Markdown: what it is, how it was trained and what it scores."""
    gif: Path | None
    """The first scored episode; None where it was not recorded."""
    info: "PolicyInfo"
    """What the file says about itself."""
    report: "Report | None"
    """Its evaluation; None with `episodes=0`."""

    def open(self, device: str = "auto") -> "Policy":
        """The policy, ready to act; raises like `Policy.load`."""
        from lander_runtime.policy.policy import Policy

        return Policy.load(self.policy, device)

    def rows(self) -> list[tuple[str, str]]:
        """What was written and what it is worth, as names and values."""
        outputs = "logits" if self.info.action.blocks else "outputs"
        rows = [
            ("policy", f"{self.policy} ({self.policy.stat().st_size / 1000:.0f} kB)"),
            ("verified", verification_in_words(self.info.verification, outputs)),
            ("score", score_in_words(self.info.evaluation)),
            ("card", str(self.card)),
        ]
        return [*rows, *([] if self.gif is None else [("animation", str(self.gif))])]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander export --json` prints it."""
        info = self.info
        return {
            "schema": "lander.export/1",
            "policy": str(self.policy),
            "card": str(self.card),
            "gif": None if self.gif is None else str(self.gif),
            "weights_sha256": info.weights_sha256,
            "verification": asdict(info.verification),
            "evaluation": None if info.evaluation is None else info.evaluation.to_json(),
        }

    def _repr_html_(self) -> str:
        animation = picture_as_html(self.gif, "One episode of this policy")
        return f"<div>{html_table(self.rows())}{animation}</div>"


class ExportDisplay(Protocol):
    """Shows how far an export is."""

    def describe(self, stage: str) -> None:
        """What is being done, in a word."""
        ...

    def on_episode(self, episode: Any) -> None:
        """An episode has been scored."""
        ...


@names_arguments
def export(
    source: Filename | None = None,
    out: Filename | None = None,
    *,
    episodes: int = 100,
    env: str | None = None,
    env_args: Mapping[str, Any] | None = None,
    max_episode_steps: int | None = None,
    activation: str | None = None,
    normalizer: Filename | None = None,
    normalizer_epsilon: float | None = None,
    normalizer_clip: float | None = None,
    pixel_scale: float | None = None,
    squash: str | None = None,
    gif: bool = True,
    license: str | None = None,  # noqa: A002 (the metadata's own word)
    wrap: "Wrap | None" = None,
    imports: Sequence[str] = (),
    network: Any = None,
) -> Exported:
    """Turn a checkpoint into a verified ONNX policy; if a check fails, nothing is written.

    Args:
        source: a `Run`, a run's folder, a checkpoint, a zip of Stable-Baselines3, a folder with one, or a
            state dict; the newest run by default. A run gives its best weights.
        out: the policy file; `policy.onnx` beside the checkpoint by default.
        episodes: how many to score it over; 0 leaves the evaluation out.
        env: the environment of another library's file.
        env_args: arguments of `env`, such as `{"enable_wind": True}`.
        max_episode_steps: steps after which an episode in `env` is truncated; by default the registered
            limit.
        activation: of a bare state dict: tanh, relu, elu or silu; its library's usual one by default.
        normalizer: what normalises the observations of another library's file: a file of statistics,
            `checkpoint`, or `none`.
        normalizer_epsilon: of that normalisation.
        normalizer_clip: of that normalisation.
        pixel_scale: what the pixels that a state dict takes are divided by.
        squash: what brings a state dict's continuous actions to the bounds: `tanh`, `clip` or `none`.
        gif: record the first scored episode.
        license: what the file says about its licence.
        wrap: wrappers around `env`, as of `evaluate`.
        imports: modules that register environments.
        network: the network of your own that the run was trained with; in the same process it is known.

    Raises:
        CheckFailed: ONNX Runtime and PyTorch disagree.
        InputRefused: there is no checkpoint, or it is corrupt.
        UsageError: an option that does not go with the source, or `out` cannot be written.
    """
    return run_export(
        ExportRequest(
            source=path_of(source), out=path_of(out),
            episodes=episodes, env=env, env_args=env_args, max_episode_steps=max_episode_steps,
            activation=activation,
            normalizer=None if normalizer is None else os.fspath(normalizer),
            normalizer_epsilon=normalizer_epsilon, normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
            squash=squash, gif=gif, license=license, wrap=wrap, imports=imports, network=network,
        )
    )  # fmt: skip


class _NoDisplay:
    def describe(self, stage: str) -> None: ...

    def on_episode(self, episode: Any) -> None: ...


@contextmanager
def no_display() -> Iterator[ExportDisplay]:
    """For callers that show nothing."""
    yield _NoDisplay()


def run_export(
    request: ExportRequest,
    say: Callable[[str], None] = lambda text: None,
    display: Callable[[], AbstractContextManager[ExportDisplay]] = no_display,
) -> Exported:
    """`export` with its arguments as a request; raises the same errors.

    Args:
        request: what to export.
        say: prints a line for the user.
        display: opens the display of the progress.
    """
    from lander_export import export as write_policy

    import_modules(request.imports)
    checkpoint = find_checkpoint(request.source, request.imports)
    source = load_checkpoint(checkpoint, request, say)
    if request.env is not None and request.episodes:
        warn_of_no_limit(source.env, say)
    check_all_writable(request.out, say=say)
    with display() as shown:
        made = write_policy(
            source,
            request.out or checkpoint.with_name("policy.onnx"),
            episodes=request.episodes,
            gif=request.gif,
            license=request.license,
            on_stage=shown.describe,
            observer=shown,
        )
    if made.undrawn:
        say(f"No animation was recorded. {made.undrawn}")
    return Exported(made.policy, made.card, made.gif, made.info, made.report)
