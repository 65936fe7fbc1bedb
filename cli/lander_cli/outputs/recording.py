"""Which episodes of an evaluation become GIFs, and flying them again for the camera."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lander_cli.terminal.console import episode_bar
from lander_runtime.errors import CheckFailed

if TYPE_CHECKING:
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.scores.report import Report


def chosen(wanted: str, report: "Report") -> list[int]:
    """The indices of the episodes to record."""
    returns = report.results.returns
    indices = range(len(returns))
    if wanted in ("best", "worst"):
        pick = max if wanted == "best" else min
        return [pick(indices, key=returns.__getitem__)]
    counts = {"none": 0, "first": 1, "all": len(indices)}
    return list(indices[: counts[wanted] if wanted in counts else int(wanted)])


def record(
    policy: "PolicyFile", report: "Report", indices: Sequence[int], file: Path, sampled: bool
) -> list[Path]:
    """Fly the chosen episodes again with a camera, and hold each against what was reported."""
    if not indices:
        return []
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.pictures.record import record_episode

    actor = actor_of(policy, sampled=sampled)
    recorded = []
    with episode_bar(len(indices)) as bar:
        for index in indices:
            seed = report.summary.first_seed + index
            path = file if len(indices) == 1 else file.with_name(f"{file.stem}-{seed}{file.suffix}")
            episode = record_episode(actor, report.env, seed, path)
            expected = report.results.returns[index]
            if episode.return_ != expected:
                path.unlink()
                raise CheckFailed(
                    f"Episode {index} returned {expected:.2f} and, flown again for the GIF, "
                    f"{episode.return_:.2f}: this environment does not repeat itself from a seed."
                )
            recorded.append(path)
            bar.on_episode(episode)
    return recorded
