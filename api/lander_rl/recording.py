"""`record`: one episode of a policy as a GIF, to look at."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.opening import PolicySource, Said, open_for
from lander_rl.outputs.checks import check_all_writable
from lander_rl.outputs.gifs import check_gif
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.text import aligned, html_picture, html_text

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import Episode
    from lander_runtime.spec import EnvSpec


@dataclass(frozen=True, repr=False)
class Recording:
    """An episode, and the GIF of it. A notebook shows the GIF."""

    path: Path
    episode: "Episode"

    def __repr__(self) -> str:
        return f"Recording\n{aligned([('file', str(self.path)), ('episode', self._told)])}"

    def _repr_html_(self) -> str:
        """For a notebook: the GIF itself, and how the episode ended."""
        try:
            picture = html_picture(self.path.read_bytes(), self._told)
        except OSError:  # Moved meanwhile.
            picture = ""
        return f"<div>{picture}<p>{html_text(str(self.path))}: {html_text(self._told)}</p></div>"

    @property
    def _told(self) -> str:
        one = self.episode
        return f"seed {one.seed}, {one.outcome} after {one.length} steps, return {one.return_:.1f}"


def record(
    policy: PolicySource = None,
    path: str | os.PathLike[str] = "episode.gif",
    *,
    seed: int = FIRST_EVALUATION_SEED,
    env: "EnvSpec | str | None" = None,
    sampled: bool = False,
    device: str = "auto",
    env_args: Mapping[str, Any] | None = None,
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
) -> Recording:
    """Run the episode that `evaluate` scores for this seed, and write it to `path` as a GIF with captions.

    Args:
        policy: as of `evaluate`, and so is `env`.
        path: a .gif; it appears when it is complete.
        seed: of the episode, 0 or more.
        env: the environment or its id.
        sampled: draw actions instead of taking the greedy one.
        device: `auto`, `cpu` or `cuda`.
        env_args: arguments of the environment.
        output: which output is the action, where a file does not make it clear.
        action_range: as of `open_policy`.
        stateless: likewise.

    Raises:
        InputRefused: the policy's file is missing, corrupt or hostile, or does not fit the environment.
        UsageError: `path` is no .gif or cannot be written, or the environment draws no pictures.
    """
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.evaluation.evaluate import check_fit
    from lander_runtime.pictures.record import record_episode

    file = Path(path)
    check_gif(file, "first")
    check_all_writable(file)
    said = Said(output, action_range, stateless)
    opened = open_for(policy, env, device=device, env_args=env_args, said=said)
    if opened.file is not None:
        check_fit(opened.file, opened.env)
    episode = record_episode(actor_of(opened.policy, sampled=sampled), opened.env, seed, file)
    return Recording(file, episode)
