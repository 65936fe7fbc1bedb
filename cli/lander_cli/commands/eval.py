"""`lander eval`: score a policy file over N episodes, and record it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lander_cli.arguments import options as given
from lander_cli.arguments.env_args import read_env_args
from lander_cli.outputs.partial import exit_with_partial
from lander_cli.outputs.scores import ScoreTalk
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_runtime.errors import CheckFailed, Interrupted, UsageError
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from lander_rl.results.report import Report
    from lander_rl.scoring.request import EvaluateRequest

_USUAL_GIF, _NO_GIF = Path("eval.gif"), Path("none")


def eval_command(
    policy: given.PolicyFile = None,
    episodes: given.Episodes = 10,
    seed: given.Seed = FIRST_EVALUATION_SEED,
    gif: given.Gif = None,
    mp4: given.Mp4 = None,
    gif_episodes: given.GifEpisodes = None,
    sampled: given.Sampled = False,
    as_json: Annotated[bool, given.json_flag("lander.evaluation/1")] = False,
    workers: given.Workers = "auto",
    lanes: given.Lanes = 32,
    device: given.Device = "auto",
    fail_under: given.FailUnder = None,
    render: given.RenderEpisodes = None,
    env: given.Env = None,
    env_arg: given.EnvArg = None,
    wrap: given.Wrap = None,
    import_: given.Import = None,
    max_episode_steps: given.TimeLimit = None,
    output: given.Output = None,
    action_range: given.ActionRange = None,
    stateless: given.Stateless = False,
    large: given.Large = False,
    normalizer: given.Normalizer = None,
    normalizer_epsilon: given.NormalizerEpsilon = None,
    normalizer_clip: given.NormalizerClip = None,
    pixel_scale: given.PixelScale = None,
    save_replay: given.SaveReplay = None,
    out: given.Out = None,
    shard: given.ShardText = None,
    engine: given.Engine = given.EngineName.PROCESSES,
    ray_address: given.RayAddress = None,
    report_folder: given.ReportFolder = None,
) -> None:
    """Run episodes of a policy, print its score and record a GIF.

    Episode i starts from seed + i, so everyone gets the same episodes with any workers and lanes.
    """
    from lander_rl.scoring.evaluating import run_evaluation
    from lander_rl.scoring.request import EvaluateRequest

    request = EvaluateRequest(
        policy, episodes=episodes, seed=seed, sampled=sampled, workers=given.worker_count(workers),
        lanes=lanes, device=device, env=env, env_args=read_env_args(env_arg or []), wrap=wrap,
        imports=tuple(import_ or []), max_episode_steps=max_episode_steps, output=output,
        action_range=action_range, stateless=stateless, large=large, normalizer=normalizer,
        normalizer_epsilon=normalizer_epsilon, normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
        render=given.shown(render), gif=_asked_gif(gif, gif_episodes, mp4), mp4=mp4,
        gif_episodes="first" if gif_episodes is None else gif_episodes, save_replay=save_replay, out=out,
        page=report_folder, shard=shard, engine=engine.value, ray_address=ray_address,
    )  # fmt: skip
    request = request if as_json else _with_shard_file(request)
    # For scripts that read JSON and people at a window, a GIF is written only on request.
    usual_gif = (
        None if gif == _NO_GIF or gif_episodes == "none" or any((as_json, render, out, shard)) else _USUAL_GIF
    )
    try:
        report = run_evaluation(request, ScoreTalk(as_json), usual_gif)
    except Interrupted as stop:
        raise exit_with_partial(stop, "lander.evaluation/1", as_json) from None
    _check_mean(report, fail_under)
    print_next_unless_waiting(policy, "lander", *_next(request, report), imports=request.imports)


def _asked_gif(gif: Path | None, episodes: str | None, mp4: Path | None) -> Path | None:
    """The GIF that the user asked for: by its name, or by naming episodes and no file.

    Raises:
        UsageError: episodes are named, and no file to record them in.
    """
    if gif == _NO_GIF and mp4 is None and episodes not in (None, "none"):
        raise UsageError(f"--gif none records nothing; leave it out, or leave out --gif-episodes {episodes}.")
    if gif is None and episodes not in (None, "none") and mp4 is None:
        return _USUAL_GIF
    return None if gif == _NO_GIF else gif


def _with_shard_file(request: "EvaluateRequest") -> "EvaluateRequest":
    """The report of a shard goes to a file such as shards/2-of-8.json; `lander merge` takes the folder."""
    part = request.part
    if part is None or request.out is not None:
        return request
    return replace(request, out=Path("shards") / f"{part.index}-of-{part.of}.json")


def _check_mean(report: "Report", fail_under: float | None) -> None:
    # `not >=` instead of `<`, so that NaN fails too.
    if fail_under is not None and not report.summary.mean_return >= fail_under:
        raise CheckFailed(f"The mean return {report.summary.mean_return:.2f} is under {fail_under:g}.")


def _which(report: "Report") -> list[object]:
    """The options that say which episodes, and how the policy acts in them, where they are not the usual."""
    summary = report.summary
    seed = [] if summary.first_seed == FIRST_EVALUATION_SEED else ["--seed", summary.first_seed]
    return [*seed, *([] if summary.deterministic else ["--sampled"])]


def _next(request: "EvaluateRequest", report: "Report") -> list[object]:
    """The command to suggest after such a report."""
    from lander_rl.inputs.importing import import_options

    path = Path(report.policy_path or "")
    if request.shard is not None and request.out is not None:
        return ["merge", Path(request.out).parent]
    if request.save_replay is not None:
        return ["replay", request.save_replay, *import_options(request.imports)]
    if report.summary.episodes < 100:
        return ["eval", path, *request.options, *_which(report), "--episodes", "1000"]
    if report.assumptions:
        return ["eval", path, *request.options, *_which(report), "--gif-episodes", "worst"]
    return ["inspect", path]
