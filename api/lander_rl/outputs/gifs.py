"""GIFs of an evaluation: which episodes, and running them again to record them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.observing import EvaluationObserver, stage
from lander_runtime.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from lander_runtime.episodes.actors import AnyPolicy
    from lander_runtime.scores.report import Report

_WORDS = ("first", "best", "worst", "all", "none")


def check_gif(file: Path, wanted: str = "first", name: str = "--gif") -> None:
    """Refuse an unknown choice of episodes, and a file name without .gif.

    `name` is the option or the argument of the file, for the error.

    Raises:
        UsageError: with the possible choices.
    """
    if file.suffix.lower() != ".gif":
        raise UsageError(f"{name} {file} should be a file whose name ends in .gif.")
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


def record_gifs(
    policy: "AnyPolicy", report: "Report", indices: Sequence[int], file: Path, observer: EvaluationObserver
) -> list[Path]:
    """Record these episodes of `report`; several go into files named by their seeds.

    Raises:
        CheckFailed: an episode had another return than in the report.
        UsageError: the environment draws no pictures.
    """
    if not indices:
        return []
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.pictures.record import record_episode

    actor = actor_of(policy, sampled=not report.summary.deterministic)
    recorded = []
    with stage(observer, "episodes", len(indices)):
        for index in indices:
            seed = report.summary.first_seed + index
            path = file if len(indices) == 1 else file.with_name(f"{file.stem}-{seed}{file.suffix}")
            episode = record_episode(actor, report.env, seed, path)
            expected = report.results.returns[index]
            if episode.return_ != expected:
                path.unlink()
                raise CheckFailed(
                    f"Episode {index} returned {expected:.2f} and, run again for the GIF, "
                    f"{episode.return_:.2f}: this environment does not repeat itself from a seed."
                )
            recorded.append(path)
            observer.on_recorded(path, episode)
    return recorded
