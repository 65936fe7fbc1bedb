"""`record`: one episode of a policy as a GIF or MP4, to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.file_options import FileOptions
from lander_rl.inputs.filenames import Filename
from lander_rl.inputs.importing import with_imports
from lander_rl.inputs.opening import PolicySource, open_for
from lander_rl.outputs.checks import check_all_writable
from lander_rl.outputs.recordings import check_ffmpeg, check_suffix
from lander_rl.wording import names_arguments
from lander_runtime.files import picture_as_html
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.text import aligned, html_text

if TYPE_CHECKING:
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.episodes.episode import Episode
    from lander_runtime.spec import EnvSpec


@dataclass(frozen=True, repr=False)
class Recording:
    """An episode and its GIF or MP4, which a notebook shows."""

    path: Path
    episode: "Episode"

    def __repr__(self) -> str:
        return f"Recording\n{aligned([('file', str(self.path)), ('episode', self._told)])}"

    def _repr_html_(self) -> str:
        """For a notebook: the recording itself, and how the episode ended."""
        picture = picture_as_html(self.path, self._told)
        return f"<div>{picture}<p>{html_text(str(self.path))}: {html_text(self._told)}</p></div>"

    @property
    def _told(self) -> str:
        one = self.episode
        return f"seed {one.seed}, {one.outcome} after {one.length} steps, return {one.return_:.1f}"


@names_arguments
def record(
    policy: PolicySource = None,
    path: Filename = "episode.gif",
    *,
    seed: int = FIRST_EVALUATION_SEED,
    env: "EnvSpec | str | None" = None,
    sampled: bool = False,
    device: str = "auto",
    env_args: Mapping[str, Any] | None = None,
    wrap: "Wrap | None" = None,
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
    large: bool = False,
    normalizer: Filename | None = None,
    normalizer_epsilon: float | None = None,
    normalizer_clip: float | None = None,
    pixel_scale: float | None = None,
    imports: Sequence[str] = (),
) -> Recording:
    """Run the episode that `evaluate` scores for this seed, and write it to `path` with captions.

    Args:
        policy: as for `evaluate`: an open policy, a file, a run or its folder, or a function; by default the
            newest run's policy, else the one that ships.
        path: a .gif or .mp4 file; it appears when it is complete. An .mp4 needs the extra `video`.
        seed: of the episode, 0 or more.
        env: the environment or its id; the one that the file names by default.
        sampled: draw actions instead of taking the greedy one.
        device: `auto`, `cpu` or `cuda`.
        env_args: arguments of the environment.
        wrap: wrappers around it, as of `evaluate`.
        output: which output is the action, where a file does not make it clear.
        action_range: as of `open_policy`.
        stateless: likewise.
        large: likewise.
        normalizer: likewise.
        normalizer_epsilon: likewise.
        normalizer_clip: likewise.
        pixel_scale: likewise.
        imports: modules that register environments.

    Raises:
        InputRefused: the policy's file is missing, corrupt or hostile, or does not fit the environment.
        MachineLacks: no ffmpeg, for an .mp4.
        UsageError: `path` does not end in .gif or .mp4 or cannot be written, or the environment draws no
            pictures.
    """
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.evaluation.evaluate import check_fit
    from lander_runtime.pictures.record import record_episode

    file = Path(path)
    check_suffix(file, (".gif", ".mp4"), "path")
    check_all_writable(file)
    check_ffmpeg(file)
    opened = open_for(
        policy, with_imports(imports, env), device=device, env_args=env_args, wrap=wrap,
        options=FileOptions(
            output=output, action_range=action_range, stateless=stateless, large=large, normalizer=normalizer,
            normalizer_epsilon=normalizer_epsilon, normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
        ),
    )  # fmt: skip
    if opened.file is not None:
        check_fit(opened.file, opened.env)
    episode = record_episode(actor_of(opened.policy, sampled=sampled), opened.env, seed, file)
    return Recording(file, episode)
