"""`evaluate`: the score of a policy over N episodes, and what is written beside it.

The command `lander eval` turns its options into an `EvaluateRequest` and runs it here too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.importing import with_imports
from lander_rl.inputs.opening import Opened, PolicySource
from lander_rl.inputs.time_limits import warn_of_no_limit
from lander_rl.observing import EvaluationObserver, Listeners, stage, stages_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.outputs.page import check_page, page_lock, page_observer_for, write_page_of
from lander_rl.outputs.recordings import check_ffmpeg, chosen_episodes, record_again
from lander_rl.outputs.replay import saved_replay
from lander_rl.scoring.request import LANES, EvaluateRequest
from lander_rl.wording import names_arguments
from lander_runtime.errors import EnvironmentFailed, Interrupted, MachineLacks, UsageError
from lander_runtime.evaluation.choosing import chosen_engine
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from lander_rl.results.report import Report
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.scores.report import Report as PlainReport
    from lander_runtime.spec import EnvSpec


@names_arguments
def evaluate(
    policy: PolicySource = None,
    env: "EnvSpec | str | None" = None,
    *,
    episodes: int = 10,
    seed: int = FIRST_EVALUATION_SEED,
    sampled: bool = False,
    workers: int | Literal["auto"] = "auto",
    lanes: int = LANES,
    device: str = "auto",
    env_args: Mapping[str, Any] | None = None,
    wrap: "Wrap | None" = None,
    max_episode_steps: int | None = None,
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
    large: bool = False,
    normalizer: Filename | None = None,
    normalizer_epsilon: float | None = None,
    normalizer_clip: float | None = None,
    pixel_scale: float | None = None,
    render: Literal["human"] | None = None,
    gif: Filename | None = None,
    mp4: Filename | None = None,
    gif_episodes: str | int = "first",
    save_replay: Filename | None = None,
    page: Filename | None = None,
    out: Filename | None = None,
    engine: Literal["processes", "ray"] = "processes",
    ray_address: str | None = None,
    shard: str | None = None,
    imports: Sequence[str] = (),
    observer: "EpisodeObserver | None" = None,
) -> "Report":
    """Score a policy over N episodes of Gymnasium's own environment; `lander eval` as a function.

    The report is the same, digest included, whatever the workers and lanes.

    Args:
        policy: an open policy, a file, a run or its folder, or a function from observations
            `[batch, *obs_shape]` to actions `[batch, ...]`. By default the newest run's policy, else the
            one that ships.
        env: the environment or its id; the one that the file names by default. A function needs it.
        episodes: how many, at least 1. Episode i starts from seed + i.
        seed: of the first episode, 0 or more; training uses only seeds below 900,000.
        sampled: draw actions from the policy's distribution instead of taking the greedy one.
        workers: processes, at least 1, or `auto`; no result depends on it.
        lanes: environment copies that each process steps together, at least 1; no result depends on it.
        device: `auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back.
        env_args: arguments of the environment, such as `{"enable_wind": True}`.
        wrap: wrappers around `env`, for a function or a file without lander's metadata.
        max_episode_steps: steps after which an episode is truncated, where the environment's own limit, or
            the lack of one, is not what you want.
        imports: modules that register environments.
        output: which output is the action, where a file without lander's metadata does not make it clear.
        action_range: `env` where the continuous actions of such a file are in the environment's units, or
            what they lie within, such as `-1,1`, to be scaled to the environment's bounds.
        stateless: run a recurrent policy of such a file without its memory.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.
        normalizer: a file of statistics that normalises its observations: .npz with mean and var, or the
            pickle of VecNormalize, which is not unpickled.
        normalizer_epsilon: added to the variance, in place of the file's or the usual one.
        normalizer_clip: largest absolute value of a normalised observation, likewise.
        pixel_scale: what its observations are divided by, such as 255.
        render: `human` opens a window and runs one episode after the other in it, in real time.
        gif: a .gif file to record in; several episodes go into files named by their seeds.
        mp4: the same as an .mp4 file; needs the extra `video`.
        gif_episodes: which to record, in either: `first`, `best`, `worst`, `all`, `none` or how many.
        save_replay: a .jsonl.gz file for seeds, actions and rewards; `replay` verifies it.
        page: a folder for the report page: index.html with pictures, and report.json.
        out: a .json file for the report.
        engine: `processes` of this machine, or a `ray` cluster.
        ray_address: of an existing cluster, such as `auto`; one is started here by default.
        shard: such as `2/8`: run one part of the episodes only. `merge` puts the reports together.
        observer: receives every episode, in the order of their seeds.

    Raises:
        CheckFailed: an episode was run again for its GIF and had another return than in the report.
        EnvironmentFailed: the environment's own code raised, or returned what it does not promise.
        InputRefused: the policy's file is missing, corrupt, hostile, or does not fit the environment; another
            process writes `page`.
        Interrupted: Ctrl-C, a KeyboardInterrupt; its `partial` is the report of the first episodes.
        MachineLacks: a package, a GPU, a screen or a cluster is missing.
        UsageError: a value is out of range, or a file could not be written.
    """
    request = EvaluateRequest(
        policy=policy, env=env, episodes=episodes, seed=seed, sampled=sampled, workers=workers, lanes=lanes,
        device=device, env_args=env_args, wrap=wrap, output=output, action_range=action_range,
        stateless=stateless, large=large, normalizer=normalizer, normalizer_epsilon=normalizer_epsilon,
        normalizer_clip=normalizer_clip, pixel_scale=pixel_scale, render=render, gif=gif, mp4=mp4,
        gif_episodes=gif_episodes, save_replay=save_replay, page=page, out=out, engine=engine,
        ray_address=ray_address, shard=shard, imports=imports,
        max_episode_steps=max_episode_steps,
    )  # fmt: skip
    return run_evaluation(request, observer)


def run_evaluation(
    request: EvaluateRequest,
    observer: "EpisodeObserver | None" = None,
    usual_gif: Path | None = None,
    origin: str | None = None,
) -> "Report":
    """`evaluate` with its arguments as a request; raises the same errors.

    Args:
        request: what to score.
        observer: receives every episode.
        usual_gif: where to record if the request names no file. Where the environment cannot be drawn, a
            note says so: such a GIF is nothing that the user has asked for.
        origin: why this policy is scored, in a few words, where the user has not named it for that.
    """
    _check_outputs(request, usual_gif, stages_of(observer).on_note)
    with page_lock(path_of(request.page)):
        return _evaluated(request, observer, usual_gif, origin)


def _evaluated(
    request: EvaluateRequest, observer: "EpisodeObserver | None", usual_gif: Path | None, origin: str | None
) -> "Report":
    request = replace(request, env=with_imports(request.imports, request.env))
    stages = stages_of(observer)
    opened = request.open(request.policy)
    request.check_arguments(opened.env)
    _announce(opened, origin or opened.origin, stages)
    page = page_observer_for(path_of(request.page), opened.env)
    try:
        report = _scored(request, opened, stages, observer, page)
    except Interrupted as stop:
        from lander_rl.results.report import Report
        from lander_runtime.scores.report import Report as PlainReport

        if isinstance(stop.partial, PlainReport):
            stop.partial = Report.of(stop.partial)
        raise
    if request.out is not None:
        from lander_runtime.scores.report_file import write_report

        write_report(Path(request.out), report)
        stages.on_note(f"Wrote {request.out}")
    if request.save_replay is not None:
        stages.on_note(f"Kept every step in {request.save_replay}")
    if request.page is not None and page is not None:
        written = write_page_of(Path(request.page), opened, report, page, request.options)
        stages.on_note(f"Wrote {written}: open it in a browser")
    # Last, because it fails most often.
    _record(request, opened, report, usual_gif, stages)
    return report


def _scored(
    request: EvaluateRequest,
    opened: Opened,
    stages: EvaluationObserver,
    observer: "EpisodeObserver | None",
    page: "EpisodeObserver | None",
) -> "Report":
    """The report, which is shown, with the replay written while the episodes come."""
    from lander_rl.results.report import Report
    from lander_runtime.evaluation.evaluate import evaluate

    seeds = request.seeds
    first, episodes, sampled = seeds.start, seeds.stop - seeds.start, request.sampled
    with (
        chosen_engine(
            request.engine, request.ray_address, request.workers,
            on_note=stages.on_note, on_finished=stages.on_finished,
        ) as engine,
        saved_replay(
            path_of(request.save_replay), opened, first_seed=first, episodes=episodes, sampled=sampled
        ) as replay,
    ):  # fmt: skip
        listeners = Listeners(observer, replay, page)
        with stage(stages, "episodes", episodes):
            found = evaluate(
                opened.policy, opened.env, episodes=episodes, first_seed=first, sampled=sampled,
                lanes=request.lanes, workers=request.workers, engine=engine, render_mode=request.render,
                keep=listeners.keep, observer=listeners,
            )  # fmt: skip
        report = Report.of(found, shard=request.part, remarks=_about_claim(opened, found))
        # Before the replay is finished, and everything else is written that can fail.
        stages.on_report(report)
        for remark in report.remarks:
            stages.on_note(remark)
    return report


def _record(
    request: EvaluateRequest,
    opened: Opened,
    report: "Report",
    usual_gif: Path | None,
    stages: EvaluationObserver,
) -> None:
    asked = [Path(file) for file in (request.gif, request.mp4) if file is not None]
    files = asked or ([] if usual_gif is None else [usual_gif])
    if files:
        indices = chosen_episodes(str(request.gif_episodes), report)
        try:
            for path in record_again(opened.policy, report, indices, files, stages):
                stages.on_note(f"Recorded {path}")
        except (EnvironmentFailed, MachineLacks, UsageError) as error:
            if asked:
                raise
            stages.on_note(f"No animation was recorded. {error}")


def _about_claim(opened: Opened, found: "PlainReport") -> tuple[str, ...]:
    """A sentence if the file claims another score in this environment than what was found."""
    from lander_runtime.scores.claims import doubt

    file = opened.file
    if file is None or file.claimed_score is None or file.env != found.env:
        return ()
    sentence = doubt(file.claimed_score, found.summary)
    return () if sentence is None else (sentence,)


def _announce(opened: Opened, origin: str, stages: EvaluationObserver) -> None:
    stages.on_note(f"Evaluating {opened.name} ({origin}) in {opened.in_words}{opened.on}")
    if opened.file is not None and opened.file.device_note:
        stages.on_note(opened.file.device_note)
    warn_of_no_limit(opened.env, stages.on_note)
    for assumption in opened.assumptions:
        stages.on_note(f"Assumed: {assumption}")


def _check_outputs(request: EvaluateRequest, usual_gif: Path | None, say: "Callable[[str], None]") -> None:
    """Refuse files that cannot be written before any episode runs."""
    files = [path_of(request.out), path_of(request.save_replay)]
    if str(request.gif_episodes) != "none":
        check_ffmpeg(path_of(request.mp4))
        files += [path_of(request.gif) or usual_gif, path_of(request.mp4)]
    check_all_writable(*files, say=say)
    check_page(path_of(request.page), say)
