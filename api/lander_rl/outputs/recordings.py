"""Recordings of an evaluation: which episodes, and running them again to draw them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.observing import EvaluationObserver, stage
from lander_runtime.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from lander_runtime.episodes.actors import AnyPolicy
    from lander_runtime.scores.report import Report

_WORDS = ("first", "best", "worst", "all", "none")


def check_suffix(file: Path, suffixes: tuple[str, ...], name: str) -> None:
    """Refuse a file name that ends in none of `suffixes`.

    Raises:
        UsageError: with `name`, the option or the argument of the file.
    """
    if file.suffix.lower() not in suffixes:
        raise UsageError(f"{name} {file} should be a file whose name ends in {' or '.join(suffixes)}.")


def check_ffmpeg(file: Path | None) -> None:
    """Refuse an MP4 where nothing can write one, before any episode runs.

    Raises:
        MachineLacks: with the extra to install.
    """
    if file is not None and file.suffix.lower() == ".mp4":
        from lander_runtime.pictures.video import Mp4Writer

        Mp4Writer(file)


def check_choice(wanted: str) -> None:
    """Refuse an unknown choice of episodes.

    Raises:
        UsageError: with the possible choices.
    """
    if wanted not in _WORDS and not (wanted.isdecimal() and int(wanted) > 0):
        raise UsageError(
            f"--gif-episodes {wanted!r} is not known; choose first, best, worst, all, none or a number."
        )


def chosen_episodes(wanted: str, report: "Report") -> list[int]:
    """The indices of the episodes to record."""
    returns = report.results.returns
    indices = range(len(returns))
    if wanted in ("best", "worst"):
        pick = max if wanted == "best" else min
        return [pick(indices, key=returns.__getitem__)]
    counts = {"none": 0, "first": 1, "all": len(indices)}
    return list(indices[: counts[wanted] if wanted in counts else int(wanted)])


def record_again(
    policy: "AnyPolicy",
    report: "Report",
    indices: Sequence[int],
    files: Sequence[Path],
    observer: EvaluationObserver,
) -> list[Path]:
    """Record these episodes of `report` in each of `files`; several go into files named by their seeds.

    Raises:
        CheckFailed: an episode had another return than in the report.
        MachineLacks: no ffmpeg, for an MP4.
        UsageError: the environment draws no pictures.
    """
    if not indices:
        return []
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.pictures.record import record_episode

    actor = actor_of(policy, sampled=not report.summary.deterministic)
    recorded = []
    with stage(observer, "episodes", len(indices) * len(files)):
        for index in indices:
            seed = report.summary.first_seed + index
            paths = [_of_seed(file, seed) if len(indices) > 1 else file for file in files]
            episode = record_episode(actor, report.env, seed, *paths)
            expected = report.results.returns[index]
            if episode.return_ != expected:
                for path in paths:
                    path.unlink()
                raise CheckFailed(
                    f"Episode {index} returned {expected:.2f} and, run again to be recorded, "
                    f"{episode.return_:.2f}: this environment does not repeat itself from a seed."
                )
            for path in paths:
                recorded.append(path)
                observer.on_recorded(path, episode)
    return recorded


def _of_seed(file: Path, seed: int) -> Path:
    return file.with_name(f"{file.stem}-{seed}{file.suffix}")
