"""`compare`: several policies on the same seeds, and which is better.

The command `lander compare` turns its options into a `CompareRequest` and runs it here too.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, cast

from lander_rl.inputs.importing import with_imports
from lander_rl.inputs.numbers import check_numbers
from lander_rl.inputs.opening import Opened, PolicySource, open_for
from lander_rl.inputs.said import Said
from lander_rl.inputs.time_limits import (
    check_time_limit,
    limited,
    time_limit_option,
    warn_of_no_limit,
)
from lander_rl.observing import EvaluationObserver, stage, stages_of
from lander_rl.results.names import short_names
from lander_rl.scoring.evaluating import LANES
from lander_rl.wording import names_arguments
from lander_runtime.errors import Interrupted, UsageError
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.text import counted, shortened

if TYPE_CHECKING:
    from lander_rl.results.comparison import Comparison
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec

_EPISODES = 1000


@dataclass(frozen=True)
class CompareRequest:
    """The arguments of `compare`, checked when the request is made.

    Raises:
        UsageError: fewer than two policies, or a value out of range.
    """

    policies: "Sequence[PolicySource | Report]"
    """Two or more, the one to beat first. Each is what `evaluate` takes, a report, or its .json file."""
    episodes: int | None = None
    """Episodes of each policy, at least 1; None takes the number of a given report, else 1000."""
    seed: int | None = None
    """Seed of the first episode, 0 or more; None takes that of a given report, else 1,000,000."""
    sampled: bool = False
    """Draw actions from the policies' distributions instead of taking the greedy one."""
    workers: int | Literal["auto"] = "auto"
    """Processes, at least 1; no result depends on it."""
    lanes: int = LANES
    """Environment copies that each process steps together, at least 1; no result depends on it."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    env: "EnvSpec | str | None" = None
    """The environment or its id; None for the one that the files name."""
    env_args: Mapping[str, Any] | None = None
    """Arguments of the environment, in place of those that the files name."""
    wrap: "Wrap | None" = None
    """Wrappers around `env`, as in `EvaluateRequest`; a file that names its own must name the same."""
    imports: Sequence[str] = ()
    """Modules that register environments, as in `EvaluateRequest`."""
    max_episode_steps: int | None = None
    """Steps after which an episode is truncated, as in `EvaluateRequest`."""
    output: str | None = None
    """Which output is the action, where files without lander's metadata do not make it clear."""
    action_range: str | None = None
    """`env` where the continuous actions of such files are in the environment's units, or what they lie
    within, such as `-1,1`, to be scaled to the environment's bounds."""
    stateless: bool = False
    """Run a recurrent policy of such files without its memory."""
    large: bool = False
    """Open files of 64 to 512 MB too, and graphs that take more memory and work than is usual."""
    normalizer: str | os.PathLike[str] | None = None
    """A file of statistics that normalises the observations of such files, as in `EvaluateRequest`."""
    normalizer_epsilon: float | None = None
    """Added to the variance, likewise."""
    normalizer_clip: float | None = None
    """Largest absolute value of a normalised observation, likewise."""
    pixel_scale: float | None = None
    """What the observations of such files are divided by, such as 255."""

    @property
    def more_options(self) -> list[str]:
        """What is said of the files and of the time limit, as options of a command to be pasted."""
        return [*self.said.options, *time_limit_option(self.max_episode_steps)]

    @property
    def said(self) -> Said:
        """What is said of a file without lander's metadata."""
        return Said.of(self)

    def __post_init__(self) -> None:
        if len(self.policies) < 2:
            raise UsageError("Name two policies or more, the one to beat first: lander compare OLD NEW")
        check_time_limit(self.max_episode_steps)
        check_numbers(1 if self.episodes is None else self.episodes, self.seed or 0, self.lanes, self.workers)


@names_arguments
def compare(
    first: "PolicySource | Report",
    *others: "PolicySource | Report",
    episodes: int | None = None,
    seed: int | None = None,
    sampled: bool = False,
    workers: int | Literal["auto"] = "auto",
    lanes: int = LANES,
    device: str = "auto",
    env: "EnvSpec | str | None" = None,
    env_args: Mapping[str, Any] | None = None,
    wrap: "Wrap | None" = None,
    imports: Sequence[str] = (),
    max_episode_steps: int | None = None,
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
    large: bool = False,
    normalizer: str | os.PathLike[str] | None = None,
    normalizer_epsilon: float | None = None,
    normalizer_clip: float | None = None,
    pixel_scale: float | None = None,
    observer: "EpisodeObserver | None" = None,
) -> "Comparison":
    """Run policies on the same seeds and say which is better, and by how much.

    Each other policy is compared with the first only, episode by episode. Equal files are run once. A
    report takes the place of a policy, whose episodes then need not be run.

    Args:
        first: the one to beat: what `evaluate` takes, a report, or its .json file.
        others: one or more of the same.
        episodes: of each policy, at least 1; by default what a given report has, else 1000.
        seed: of the first episode, 0 or more; by default what a given report has, else 1,000,000.
        sampled: draw actions from the policies' distributions instead of taking the greedy one.
        workers: processes, at least 1, or `auto`; no result depends on it.
        lanes: environment copies that each process steps together, at least 1; no result depends on it.
        device: `auto`, `cpu` or `cuda`.
        env: the environment or its id; the one that the files name by default.
        env_args: arguments of the environment, in place of those that the files name.
        wrap: wrappers around `env`, for functions and files without lander's metadata.
        imports: modules that register environments.
        max_episode_steps: steps after which an episode is truncated, as of `evaluate`.
        output: which output is the action, where files without lander's metadata do not make it clear.
        action_range: `env` where the continuous actions of such files are in the environment's units, or
            what they lie within, such as `-1,1`, to be scaled to the environment's bounds.
        stateless: run a recurrent policy of such files without its memory.
        large: open files of 64 to 512 MB too, and graphs that take more memory and work than is usual.
        normalizer: a file of statistics that normalises the observations of such files, as of `evaluate`.
        normalizer_epsilon: likewise.
        normalizer_clip: likewise.
        pixel_scale: what the observations of such files are divided by, such as 255.
        observer: receives every episode, one policy after the other.

    Raises:
        EnvironmentFailed: the environment's own code raised, or returned what it does not promise.
        InputRefused: a file is missing, corrupt or hostile, or the environments differ.
        Interrupted: Ctrl-C, a KeyboardInterrupt; its `partial` is the comparison over the first episodes, or
            the report of one policy.
        MachineLacks: a package or a GPU is missing.
        UsageError: a value is out of range, or a report is of other episodes.
    """
    request = CompareRequest(
        policies=(first, *others), episodes=episodes, seed=seed, sampled=sampled, workers=workers,
        lanes=lanes, device=device, env=env, env_args=env_args, wrap=wrap, output=output,
        action_range=action_range, stateless=stateless, large=large, normalizer=normalizer,
        normalizer_epsilon=normalizer_epsilon, normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
        imports=imports, max_episode_steps=max_episode_steps,
    )  # fmt: skip
    return run_comparison(request, observer)


def run_comparison(request: CompareRequest, observer: "EpisodeObserver | None" = None) -> "Comparison":
    """`compare` with its arguments as a request; raises the same errors."""
    from lander_rl.results.comparison import Comparison
    from lander_runtime.scores.comparison import check_same_environment, compare

    request = replace(request, env=with_imports(request.imports, request.env))
    compared = [_open(policy, request) for policy in request.policies]
    compared = [
        limited(one, request.max_episode_steps) if isinstance(one, Opened) else one for one in compared
    ]
    asked = request.env or request.env_args or request.wrap is not None or request.max_episode_steps
    if asked and not any(isinstance(one, Opened) for one in compared):
        raise UsageError(
            "These reports say what was run. Leave out --env, --env-arg, --wrap and --max-episode-steps."
        )
    check_same_environment([(str(one.name), one.env) for one in compared])
    settings = _agreed_settings(compared, request)
    names = short_names([one.name for one in compared])
    stages = stages_of(observer)
    _announce(compared, names, settings.episodes, stages)
    reports = _reports(compared, names, settings, request, observer)
    return Comparison.of(compare(reports), names)


def is_saved_report(policy: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether `policy` is the path of a report: a name that ends in .json."""
    if not isinstance(policy, str | os.PathLike):
        return False
    path = Path(policy)
    return path.suffix.lower() == ".json" and not path.is_dir()


@dataclass(frozen=True)
class Saved:
    """A report in the place of a policy."""

    name: Path
    """Its file; the path of the policy where the report is no file."""
    report: "Report"

    @property
    def env(self) -> "EnvSpec":
        return self.report.env

    @property
    def assumptions(self) -> tuple[str, ...]:
        return self.report.assumptions


@dataclass(frozen=True)
class EpisodeSettings:
    """Which episodes are run, and how."""

    episodes: int
    seed: int
    sampled: bool


def _open(policy: "PolicySource | Report", request: CompareRequest) -> "Opened | Saved":
    from lander_runtime.foreign.opening import SaysItself
    from lander_runtime.scores.report import Report
    from lander_runtime.scores.report_file import read_report

    if isinstance(policy, Report):
        return Saved(Path(policy.policy_path or "report"), policy)
    if is_saved_report(policy):
        return Saved(Path(policy), read_report(Path(policy)))
    try:
        return open_for(
            policy,
            request.env,
            device=request.device,
            env_args=request.env_args,
            wrap=request.wrap,
            said=request.said,
        )
    except SaysItself:
        # What is said is for the others: this file says itself how it acts.
        return open_for(
            policy,
            request.env,
            device=request.device,
            env_args=request.env_args,
            wrap=request.wrap,
            said=Said(large=request.large),
        )


def _agreed_settings(compared: "Sequence[Opened | Saved]", request: CompareRequest) -> EpisodeSettings:
    """The settings of the first given report, which policies are run with too; else those of `request`.

    Raises:
        UsageError: `request` differs from the report.
    """
    episodes, seed = request.episodes, request.seed
    saved = next((one for one in compared if isinstance(one, Saved)), None)
    if saved is None:
        first = FIRST_EVALUATION_SEED if seed is None else seed
        return EpisodeSettings(episodes or _EPISODES, first, request.sampled)
    summary = saved.report.summary
    its = EpisodeSettings(summary.episodes, summary.first_seed, not summary.deterministic)
    if (episodes or its.episodes, its.seed if seed is None else seed) != (its.episodes, its.seed) or (
        request.sampled and not its.sampled
    ):
        kind = "sampled" if its.sampled else "greedy"
        raise UsageError(
            f"{saved.name} is of {its.episodes} {kind} episodes from seed {its.seed}, and policies are "
            "compared on the same ones. Leave out --episodes, --seed and --sampled."
        )
    return its


def _announce(
    compared: "Sequence[Opened | Saved]", names: list[str], episodes: int, stages: EvaluationObserver
) -> None:
    first = next((one for one in compared if isinstance(one, Opened)), None)
    where = compared[0].env.id if first is None else f"{first.in_words}"
    on = "" if first is None else first.on
    what = f"{', '.join(names[1:])} with {names[0]}"
    stages.on_note(f"Comparing {what} in {where} over {counted(episodes, 'episode')} each{on}")
    if first is not None:
        warn_of_no_limit(first.env, stages.on_note)
    for one, name in zip(compared, names, strict=True):
        if name != str(one.name):
            stages.on_note(f"{name} is {one.name}")
        for assumption in one.assumptions:
            stages.on_note(f"Assumed of {name}: {shortened(assumption)}")
    if first is not None and first.file is not None and first.file.device_note:
        stages.on_note(first.file.device_note)
    seen: dict[object, str] = {}
    for one, name in zip(compared, names, strict=True):
        if isinstance(one, Opened):
            same = seen.setdefault(_identity(one), name)
            if same != name:
                stages.on_note(f"{name} is the same file as {same}, so it is not run again.")


def _reports(
    compared: "Sequence[Opened | Saved]",
    names: list[str],
    settings: EpisodeSettings,
    request: CompareRequest,
    observer: "EpisodeObserver | None",
) -> "list[Report]":
    """A report for each; equal files are run once, and given reports are taken as they are."""
    from lander_runtime.evaluation.evaluate import evaluate

    stages, found = stages_of(observer), dict[object, "Report"]()
    different = {_identity(one) for one in compared if isinstance(one, Opened)}
    with stage(stages, "episodes", settings.episodes * len(different)):
        for one, name in zip(compared, names, strict=True):
            if isinstance(one, Opened) and _identity(one) not in found:
                stages.on_stage(name)
                try:
                    found[_identity(one)] = evaluate(
                        one.policy, one.env, episodes=settings.episodes, first_seed=settings.seed,
                        sampled=settings.sampled, lanes=request.lanes, workers=request.workers,
                        observer=observer,
                    )  # fmt: skip
                except Interrupted as stop:
                    if stop.partial is not None:
                        found[_identity(one)] = cast("Report", stop.partial)
                    raise Interrupted(_partial(compared, names, found)) from stop
    return [_report_of(one, found) for one in compared]


def _report_of(one: "Opened | Saved", found: "Mapping[object, Report]") -> "Report":
    if isinstance(one, Saved):
        return one.report
    return replace(found[_identity(one)], policy_path=None if one.path is None else str(one.path))


def _partial(
    compared: "Sequence[Opened | Saved]", names: list[str], found: "Mapping[object, Report]"
) -> "Comparison | Report | None":
    """After Ctrl-C: the policies that have run, over the episodes that all have; else the only one."""
    from lander_rl.results.comparison import Comparison
    from lander_rl.results.report import Report
    from lander_runtime.scores.comparison import compare

    known = [
        (name, _report_of(one, found))
        for name, one in zip(names, compared, strict=True)
        if isinstance(one, Saved) or _identity(one) in found
    ]
    if len(known) < 2:
        return Report.of(known[0][1]) if known else None
    episodes = min(report.summary.episodes for _, report in known)
    reports = [report.of_first(episodes) for _, report in known]
    return Comparison.of(compare(reports), [name for name, _ in known])


def _identity(opened: Opened) -> object:
    """Equal for files of the same bytes; a function equals only itself."""
    return id(opened.policy) if opened.file is None else opened.file.sha256
