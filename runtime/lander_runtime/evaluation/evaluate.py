"""Score a policy over N episodes of Gymnasium's own environment.

Episode i is `env.reset(seed=first_seed + i)`, so anyone can repeat any episode. The results do not depend
on the number of workers or lanes: every episode has its own seed and generator, and inference always runs
at one padded batch size.
"""

import time
from contextlib import closing
from typing import Literal

from lander_runtime import envs
from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.actors import AnyPolicy, actor_of
from lander_runtime.episodes.episode import NOTHING, EpisodeObserver, Keep
from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import Interrupted, MachineLacks, UsageError
from lander_runtime.evaluation.engine import Engine
from lander_runtime.evaluation.job import Job
from lander_runtime.evaluation.local import LocalEngine
from lander_runtime.evaluation.processes import ProcessEngine
from lander_runtime.kernels import kernels_here
from lander_runtime.policy.base import PolicyFile
from lander_runtime.scores.report import Execution, Report
from lander_runtime.scores.results import Collected
from lander_runtime.scores.summary import summarise
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.versions import evaluation_packages, installed_versions, platform_name
from lander_runtime.workers.cores import available_cores, check_workers

_EPISODES_PER_WORKER = 100
"""At least so many for each worker of `auto`: starting a process takes as long as some twenty landings."""


def evaluate(
    policy: AnyPolicy,
    env: EnvSpec | str | None = None,
    *,
    episodes: int = 10,
    first_seed: int = FIRST_EVALUATION_SEED,
    sampled: bool = False,
    lanes: int = LANES,
    workers: int | Literal["auto"] = 1,
    engine: Engine | None = None,
    render_mode: str | None = None,
    keep: Keep = NOTHING,
    observer: EpisodeObserver | None = None,
) -> Report:
    """Run `episodes` episodes and return a report with every return, length and outcome.

    Args:
        policy: a file (`Policy`, `ForeignPolicy`), or any function from observations
            `[batch, *obs_shape]` to actions `[batch, ...]`.
        env: the environment, or its id; by default the one that the policy file names.
        episodes: how many, at least 1.
        first_seed: seed of episode 0; episode i has `first_seed + i`.
        sampled: draw actions from the policy's distribution instead of taking the greedy one.
        lanes: environment copies stepped together by each worker; changes the speed, never the result.
        workers: worker processes; changes the speed, never the result. `auto` takes up to one for each
            core if there are enough episodes and workers can import the environment and the policy.
        engine: runs the episodes, instead of `workers` processes on this machine.
        render_mode: `human` opens a window (with one lane, in this process); None draws nothing.
        keep: per-step data recorded for `observer`.
        observer: is called with every episode, in the order of their seeds.

    Raises:
        EnvironmentFailed: the environment's own code raised, or returned what it does not promise.
        Interrupted: Ctrl-C; it holds the report of the first episodes.
        MachineLacks: no window can be opened.
        UsageError: `episodes`, `first_seed`, `lanes` or `workers` out of range; no environment, or one
            that Gymnasium does not know or that does not fit the policy; `sampled` with a plain function;
            an episode whose return is not a finite number.
    """
    numbers = [episodes, lanes, 1 if workers == "auto" else workers]
    if min(numbers) < 1 or first_seed < 0:
        raise UsageError("episodes, lanes and workers must be at least 1 and the first seed at least 0.")
    check_workers(numbers[2])
    if env is None:
        if not isinstance(policy, PolicyFile):
            raise UsageError("Name the environment: a plain function has no environment of its own.")
        env = policy.env
    spec = envs.recipe_of(env)
    actor_of(policy, sampled=sampled)
    if isinstance(policy, PolicyFile):
        check_fit(policy, spec)
    if render_mode == "human":
        _check_screen(spec)
        engine, lanes = LocalEngine(), 1
    lanes = min(lanes, episodes)
    engine = engine or _engine(policy, spec, episodes, workers)
    if isinstance(policy, PolicyFile) and policy.counts_actions:
        keep |= Keep(actions_seen=True)
    job = Job(policy, spec, first_seed, sampled, lanes, render_mode, keep)
    started = time.perf_counter()
    collected = Collected(knowledge_of(spec.id).measures)
    try:
        for finished in engine.run(job, engine.shards(episodes, lanes)):
            collected.add(finished)
            if observer is not None:
                for episode in finished:
                    observer.on_episode(episode)
    except KeyboardInterrupt:
        seconds = time.perf_counter() - started
        partial = _report(job, collected, engine, seconds) if len(collected) else None
        # Not chained: who ended it is known, and one traceback is enough.
        raise Interrupted(partial) from None
    return _report(job, collected, engine, time.perf_counter() - started)


def _report(job: Job, collected: Collected, engine: Engine, seconds: float) -> Report:
    policy, spec, results = job.policy, job.env, collected.results()
    by_file = isinstance(policy, PolicyFile)
    return Report(
        policy_path=str(policy.path) if by_file else None,
        policy_sha256=policy.sha256 if by_file else None,
        assumptions=policy.assumptions if by_file else (),
        env=spec,
        summary=summarise(
            results,
            first_seed=job.first_seed,
            deterministic=not job.sampled,
            reward_threshold=spec.reward_threshold,
        ),
        results=results,
        execution=Execution(
            provider=policy.provider if by_file else None,
            engine=engine.description,
            lanes=job.lanes,
            seconds=seconds,
            steps_per_second=float(results.lengths.sum()) / max(seconds, 1e-9),
            versions={
                **installed_versions(*evaluation_packages(spec.id)),
                **kernels_here(),
                "platform": platform_name(),
            },
        ),
        actions=collected.actions,
    )


def _engine(policy: AnyPolicy, spec: EnvSpec, episodes: int, workers: int | Literal["auto"]) -> Engine:
    if workers == "auto":
        can_be_sent = isinstance(policy, PolicyFile) and envs.is_importable(spec)
        workers = min(available_cores(), episodes // _EPISODES_PER_WORKER) if can_be_sent else 1
    return ProcessEngine(workers) if workers > 1 else LocalEngine()


def check_fit(policy: PolicyFile, spec: EnvSpec) -> None:
    """Refuse a policy whose observations or actions are not those of `spec`; raises `UsageError`."""
    with closing(envs.make(spec)) as probe:
        found = envs.describe_spaces(probe)
    for what, wanted, given in zip(
        ("observations", "actions"), (policy.observation, policy.action), found, strict=True
    ):
        if wanted.form != given.form:
            raise UsageError(
                f"{policy.path.name} expects {what} {_in_words(wanted)}; {spec.id} has {_in_words(given)}."
            )


def _check_screen(spec: EnvSpec) -> None:
    """Open and close the window once, to tell a missing screen from an error in an episode."""
    from lander_runtime.pictures.window import check_screen

    check_screen()
    probe = envs.make(spec, "human")
    try:
        probe.reset(seed=0)
    except Exception as error:  # pygame's own error; pygame is not imported here.
        raise MachineLacks(
            f"No window can be opened for {spec.id} ({error}). Leave out --render, or record with --gif."
        ) from error
    finally:
        probe.close()


def _in_words(space: Space) -> str:
    if space.type == "MultiDiscrete":
        return f"{space.type}({list(space.nvec)})"
    return f"{space.type}({space.n})" if space.type == "Discrete" else f"{space.dtype} {list(space.shape)}"
