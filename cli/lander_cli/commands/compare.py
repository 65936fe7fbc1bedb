"""`lander compare`: several policies on the same seeds, and which is better."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lander_cli.arguments import options as given
from lander_cli.arguments.env_args import read_env_args
from lander_cli.outputs.comparison import print_comparison
from lander_cli.outputs.partial import exit_with_partial
from lander_cli.terminal.console import print_json, print_next, say
from lander_cli.terminal.talk import Talk
from lander_runtime.errors import CheckFailed, Interrupted
from lander_runtime.scores.verdict import Verdict
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from lander_rl.results.comparison import Comparison
    from lander_rl.scoring.request import CompareRequest


def compare_command(
    policies: given.ComparedPolicies,
    episodes: given.ComparedEpisodes = None,
    seed: given.ComparedSeed = None,
    sampled: given.Sampled = False,
    as_json: Annotated[bool, given.json_flag("lander.comparison/1")] = False,
    workers: given.Workers = "auto",
    lanes: given.Lanes = 32,
    device: given.Device = "auto",
    fail_if_worse: given.FailIfWorse = False,
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
) -> None:
    """Run policies on the same seeds and say which is better, and by how much.

    Each other policy is compared with the first, episode by episode, so the first is the one to beat.
    """
    from lander_rl.scoring.comparing import run_comparison
    from lander_rl.scoring.request import CompareRequest

    request = CompareRequest(
        policies=tuple(policies), episodes=episodes, seed=seed, sampled=sampled, lanes=lanes, device=device,
        workers=given.worker_count(workers), env=env, env_args=read_env_args(env_arg or []),
        wrap=wrap, imports=tuple(import_ or []), output=output, action_range=action_range,
        stateless=stateless, large=large, normalizer=normalizer, normalizer_epsilon=normalizer_epsilon,
        normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
        max_episode_steps=max_episode_steps,
    )  # fmt: skip
    try:
        comparison = run_comparison(request, Talk())
    except Interrupted as stop:
        raise exit_with_partial(stop, "lander.comparison/1", as_json) from None
    if as_json:
        print_json(comparison.to_json())
    else:
        print_comparison(comparison)
    for note in comparison.notes:
        say(note)
    if fail_if_worse and comparison.worse:
        raise CheckFailed(" ".join(comparison.verdicts[number - 1] for number in comparison.worse))
    print_next("lander", *_next(comparison, request))


def _next(comparison: "Comparison", request: "CompareRequest") -> list[object]:
    """More episodes while no difference is shown; else the worse policy's episode that shows it most."""
    from lander_rl.scoring.compared import is_saved_report

    if any(is_saved_report(policy) for policy in request.policies):
        return ["inspect"]
    paths = [Path(report.policy_path or "") for report in comparison.reports]
    verdicts = [found.verdict for found in comparison.differences]
    seed, sampled = comparison.first_seed, ["--sampled"] if request.sampled else []
    if Verdict.NOT_SHOWN in verdicts:
        episodes = max(1000, 4 * comparison.episodes)  # Four times as many episodes halve the interval.
        where = [] if seed == FIRST_EVALUATION_SEED else ["--seed", seed]
        return ["compare", *paths, *request.options, "--episodes", episodes, *where, *sampled]
    shown = [
        (paths[number], found.largest_losses[0])
        if found.verdict is Verdict.WORSE
        else (paths[0], found.largest_wins[0])
        for number, found in enumerate(comparison.differences, start=1)
        if found.verdict is not Verdict.ALIKE
    ]
    if shown:
        path, episode = max(shown, key=lambda pair: abs(pair[1].difference))
        return ["eval", path, *request.options, "--episodes", 1, "--seed", episode.seed, *sampled]
    if not comparison.reports[0].assumptions:
        return ["inspect", paths[0]]
    return ["eval", paths[0], *request.options, "--episodes", 1, "--seed", seed, *sampled]
