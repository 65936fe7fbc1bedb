"""The arguments of `evaluate` and `compare`, checked when a request is made.

Apart from the functions, so that a command can make a request without what carries it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.inputs.env_options import env_options
from lander_rl.inputs.file_options import FileOptions
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.numbers import check_numbers
from lander_rl.inputs.opening import Opened, PolicySource, open_for
from lander_rl.inputs.time_limits import check_time_limit, limited, time_limit_option
from lander_rl.outputs.checks import check_replay_file, check_report_file
from lander_rl.outputs.recordings import check_choice, check_suffix
from lander_runtime.errors import UsageError
from lander_runtime.evaluation.choosing import check_engine
from lander_runtime.scores.shards import Shard
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec

LANES = 32
"""Environment copies that a process steps together, unless the caller says otherwise."""


@dataclass(frozen=True, kw_only=True)
class ScoringRequest:
    """What `evaluate` and `compare` take alike: how policies are opened, and in what environment they act."""

    env: "EnvSpec | str | None" = None
    """The environment or its id; None for the one that the file names. A function needs it."""
    env_args: Mapping[str, Any] | None = None
    """Arguments of the environment, in place of those that the file names."""
    wrap: "Wrap | None" = None
    """Wrappers around `env`, innermost first, for a function or a file without lander's metadata: names with
    commas, JSON, or a list of `{"name": ..., "kwargs": {...}}`. `lander_runtime.envs.WRAPPERS` has them. A
    file that names its own must name the same."""
    max_episode_steps: int | None = None
    """Steps after which an episode is truncated, at least 1; None keeps the limit of the file or of the
    environment. It is part of what is scored."""
    imports: Sequence[str] = ()
    """Modules that register environments; they are imported here and in every worker process. With `m` among
    them `env` may be `m:MyEnv-v0`."""
    sampled: bool = False
    """Draw actions from the policy's distribution instead of taking the greedy one."""
    workers: int | Literal["auto"] = "auto"
    """Processes, at least 1; no result depends on it. `auto` takes one for each core where each has some
    hundred episodes to run. It takes a single one for a function, and while a window is open."""
    lanes: int = LANES
    """Environment copies that each process steps together, at least 1; no result depends on it."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back to the CPU."""
    output: str | None = None
    """Which output is the action, where a file without lander's metadata does not make it clear."""
    action_range: str | None = None
    """`env` where the continuous actions of such a file are in the environment's units, or what they lie
    within, such as `-1,1`, to be scaled to the environment's bounds."""
    stateless: bool = False
    """Run a recurrent policy of such a file without its memory."""
    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual."""
    normalizer: Filename | None = None
    """A file of statistics that normalises the observations of such a file: .npz with mean and var, or the
    pickle of VecNormalize, which is not unpickled."""
    normalizer_epsilon: float | None = None
    """Added to the variance; the file's or the usual one where it is None."""
    normalizer_clip: float | None = None
    """Largest absolute value of a normalised observation; the same where it is None."""
    pixel_scale: float | None = None
    """What the observations of such a file are divided by, such as 255."""

    @property
    def file_options(self) -> FileOptions:
        """What the user says of files without lander's metadata."""
        return FileOptions.of(self)

    @property
    def options(self) -> list[str]:
        """The environment, and what is said of the files, as options of a command to be pasted."""
        more = [*self.file_options.words, *time_limit_option(self.max_episode_steps)]
        return env_options(self.env, self.env_args, more, self.imports, self.wrap)

    def check_arguments(self, env: "EnvSpec") -> None:
        """Refuse arguments of the environment before anything is said or run.

        What was typed is tried out: an environment may take any name and refuse it later.
        """
        from lander_runtime import envs

        if self.env_args:
            envs.try_out(env)
        else:
            envs.check_kwargs(env)

    def open(self, policy: PolicySource, options: FileOptions | None = None) -> Opened:
        """`policy` with the environment that it is to act in; raises as `open_for`.

        The modules in `imports` must be imported before. `options` stand for those of the request.
        """
        opened = open_for(
            policy, self.env, device=self.device, env_args=self.env_args, wrap=self.wrap,
            options=self.file_options if options is None else options, imports=self.imports,
        )  # fmt: skip
        return limited(opened, self.max_episode_steps)


@dataclass(frozen=True)
class EvaluateRequest(ScoringRequest):
    """The arguments of `evaluate`, checked when the request is made.

    Raises:
        UsageError: a value out of range, or two that do not go together.
    """

    policy: PolicySource = None
    """An open policy, a file, a run or its folder, a function from observations `[batch, *obs_shape]` to
    actions `[batch, ...]`, or None for the newest run's policy, else the one that ships."""
    _: KW_ONLY
    episodes: int = 10
    """How many episodes, at least 1. Episode i starts from seed + i."""
    seed: int = FIRST_EVALUATION_SEED
    """Seed of the first episode, 0 or more; training uses only seeds below 900,000."""
    render: Literal["human"] | None = None
    """`human` opens a window and runs one episode after the other in it, in real time."""
    gif: Filename | None = None
    """A .gif file to record in; several episodes go into files named by their seeds. None records nothing."""
    mp4: Filename | None = None
    """The same as an .mp4 file; needs the extra `video`."""
    gif_episodes: str | int = "first"
    """Which to record, in either: `first`, `best`, `worst`, `all`, `none` or how many from the first on."""
    save_replay: Filename | None = None
    """A .jsonl.gz file for seeds, actions and rewards; `replay` verifies it without the policy."""
    page: Filename | None = None
    """A folder for the report page: index.html with pictures, and report.json."""
    out: Filename | None = None
    """A .json file for the report."""
    engine: Literal["processes", "ray"] = "processes"
    """What runs the episodes: processes of this machine, or a Ray cluster."""
    ray_address: str | None = None
    """Address of an existing cluster, such as `auto`; None starts one on this machine."""
    shard: str | None = None
    """Such as `2/8`: run one part of the episodes only. `merge` puts the reports of all parts together."""

    def __post_init__(self) -> None:
        check_numbers(self.episodes, self.seed, self.lanes, self.workers)
        check_time_limit(self.max_episode_steps)
        check_engine(self.engine, self.ray_address, self.workers)
        if self.render not in (None, "human"):
            raise UsageError(f"--render {self.render!r} is not known; choose human.")
        if self.render is not None and self.engine == "ray":
            raise UsageError("--render runs in this process, where the window is. Leave out --engine ray.")
        if self.render is not None and self.workers not in ("auto", 1):
            raise UsageError("--render runs in this process, where the window is. Leave out --workers.")
        if self.render is not None and self.lanes not in (LANES, 1):
            raise UsageError("--render runs one episode after the other. Leave out --lanes.")
        for file, suffix, name in ((self.gif, ".gif", "--gif"), (self.mp4, ".mp4", "--mp4")):
            if file is not None:
                check_suffix(Path(file), (suffix,), name)
                check_choice(str(self.gif_episodes))
                if str(self.gif_episodes) == "none":
                    raise UsageError(f"--gif-episodes none records nothing. Leave out that or {name}.")
        check_report_file(path_of(self.out))
        check_replay_file(path_of(self.save_replay))
        _ = self.part  # Refuses a shard that does not exist.

    @cached_property
    def part(self) -> Shard | None:
        """Which part of all episodes is to be run; None for all of them."""
        return None if self.shard is None else Shard.parse(self.shard, self.seed, self.episodes)

    @property
    def seeds(self) -> range:
        """The seeds of the episodes that are to be run."""
        whole = range(self.seed, self.seed + self.episodes)
        return whole if self.part is None else self.part.seeds


@dataclass(frozen=True)
class CompareRequest(ScoringRequest):
    """The arguments of `compare`, checked when the request is made.

    Raises:
        UsageError: fewer than two policies, or a value out of range.
    """

    policies: "Sequence[PolicySource | Report]"
    """Two or more, the one to beat first. Each is what `evaluate` takes, a report, or its .json file."""
    _: KW_ONLY
    episodes: int | None = None
    """Episodes of each policy, at least 1; None takes the number of a given report, else 1000."""
    seed: int | None = None
    """Seed of the first episode, 0 or more; None takes that of a given report, else 1,000,000."""

    def __post_init__(self) -> None:
        if len(self.policies) < 2:
            raise UsageError("Name two policies or more, the one to beat first: lander compare OLD NEW")
        check_time_limit(self.max_episode_steps)
        check_numbers(1 if self.episodes is None else self.episodes, self.seed or 0, self.lanes, self.workers)
