"""`compare`: several policies on the same seeds, and which is better.

The command `lander compare` turns its options into a `CompareRequest` and runs it here too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from lander_rl.inputs.filenames import Filename
from lander_rl.inputs.importing import with_imports
from lander_rl.inputs.opening import Opened, PolicySource
from lander_rl.inputs.outdated import trained_further
from lander_rl.inputs.time_limits import warn_of_no_limit
from lander_rl.observing import EvaluationObserver, stage, stages_of
from lander_rl.results.names import short_names
from lander_rl.scoring.compared import (
    EpisodeSettings,
    Saved,
    agreed_settings,
    identity_of,
    open_compared,
    trained_differently,
)
from lander_rl.scoring.request import LANES, CompareRequest
from lander_rl.wording import names_arguments
from lander_runtime.errors import Interrupted, UsageError
from lander_runtime.text import counted, shortened

if TYPE_CHECKING:
    from lander_rl.results.comparison import Comparison
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec


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
    normalizer: Filename | None = None,
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
    compared = [open_compared(policy, request) for policy in request.policies]
    asked = request.env or request.env_args or request.wrap is not None or request.max_episode_steps
    if asked and not any(isinstance(one, Opened) for one in compared):
        raise UsageError(
            "These reports say what was run. Leave out --env, --env-arg, --wrap and --max-episode-steps."
        )
    check_same_environment([(str(one.name), one.env) for one in compared])
    for one in compared:
        if isinstance(one, Opened):
            request.check_arguments(one.env)
    settings = agreed_settings(compared, request)
    names = short_names([one.name for one in compared])
    stages = stages_of(observer)
    _announce(compared, names, settings.episodes, stages)
    reports = _reports(compared, names, settings, request, observer)
    return Comparison.of(compare(reports), names, trained_differently(compared))


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
        run = trained_further(one.path) if isinstance(one, Opened) and one.path is not None else None
        if run is not None:
            stages.on_note(f"{name} is older than its run: {run} was trained further since the export.")
        for assumption in one.assumptions:
            stages.on_note(f"Assumed of {name}: {shortened(assumption)}")
    if first is not None and first.file is not None and first.file.device_note:
        stages.on_note(first.file.device_note)
    seen: dict[object, str] = {}
    for one, name in zip(compared, names, strict=True):
        if isinstance(one, Opened):
            same = seen.setdefault(identity_of(one), name)
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
    different = {identity_of(one) for one in compared if isinstance(one, Opened)}
    with stage(stages, "episodes", settings.episodes * len(different)):
        for one, name in zip(compared, names, strict=True):
            if isinstance(one, Opened) and identity_of(one) not in found:
                stages.on_stage(name)
                try:
                    found[identity_of(one)] = evaluate(
                        one.policy, one.env, episodes=settings.episodes, first_seed=settings.seed,
                        sampled=settings.sampled, lanes=request.lanes, workers=request.workers,
                        observer=observer,
                    )  # fmt: skip
                except Interrupted as stop:
                    if stop.partial is not None:
                        found[identity_of(one)] = cast("Report", stop.partial)
                    raise Interrupted(_partial(compared, names, found)) from stop
    return [_report_of(one, found) for one in compared]


def _report_of(one: "Opened | Saved", found: "Mapping[object, Report]") -> "Report":
    if isinstance(one, Saved):
        return one.report
    return replace(found[identity_of(one)], policy_path=None if one.path is None else str(one.path))


def _partial(
    compared: "Sequence[Opened | Saved]", names: list[str], found: "Mapping[object, Report]"
) -> "Comparison | Report | None":
    """After Ctrl-C: the policies that have run, over the episodes that all have; else the only one."""
    from lander_rl.results.comparison import Comparison
    from lander_rl.results.report import Report
    from lander_runtime.scores.comparison import compare

    known = [
        (name, how, _report_of(one, found))
        for name, how, one in zip(names, trained_differently(compared), compared, strict=True)
        if isinstance(one, Saved) or identity_of(one) in found
    ]
    if len(known) < 2:
        return Report.of(known[0][2]) if known else None
    episodes = min(report.summary.episodes for _, _, report in known)
    comparison = compare([report.of_first(episodes) for _, _, report in known])
    return Comparison.of(comparison, [name for name, _, _ in known], [how for _, how, _ in known])
