"""`evaluate`: the score of a policy over N episodes, and what is written beside it.

The command `lander eval` turns its options into an `EvaluateRequest` and runs it here too.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.observing import EvaluationObserver, Listeners, stage, stages_of
from lander_rl.opening import Opened, PolicySource, Said, open_for
from lander_rl.outputs.checks import check_all_writable, check_replay_file, check_report_file
from lander_rl.outputs.gifs import check_gif, chosen_episodes, record_gifs
from lander_rl.outputs.page import check_page, env_options, page_observer_for, write_page_of
from lander_rl.outputs.replay import saved_replay
from lander_runtime.errors import UsageError
from lander_runtime.evaluation.choosing import check_engine, chosen_engine
from lander_runtime.scores.shards import Shard
from lander_runtime.seeds import FIRST_EVALUATION_SEED

if TYPE_CHECKING:
    from lander_rl.results.report import Report
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.spec import EnvSpec

Filename = str | os.PathLike[str]

LANES = 32
"""Environment copies that a process steps together, unless the caller says otherwise."""


@dataclass(frozen=True)
class EvaluateRequest:
    """An evaluation as it is asked for. What cannot be is refused when the request is made.

    Raises:
        UsageError: a value out of range, or two that do not go together.
    """

    policy: PolicySource = None
    """An open policy, a file, a run or its folder, a function from observations `[batch, *obs_shape]` to
    actions `[batch, ...]`, or None for the newest run's policy, else the one that ships."""
    env: "EnvSpec | str | None" = None
    """The environment or its id; None for the one that the file names. A function needs it."""
    episodes: int = 10
    """How many, at least 1. Episode i starts from seed + i."""
    seed: int = FIRST_EVALUATION_SEED
    """Of the first episode, 0 or more; training uses only seeds below 900,000."""
    sampled: bool = False
    """Draw actions from the policy's distribution instead of taking the greedy one."""
    workers: int | Literal["auto"] = "auto"
    """Processes, at least 1; no result depends on it. `auto` takes one for each core from some hundred
    episodes a process on, and one alone where a function is scored or a window is open."""
    lanes: int = LANES
    """Environment copies that each process steps together, at least 1; no result depends on it."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`; `cuda` fails rather than fall back."""
    env_args: Mapping[str, Any] | None = None
    """Arguments of the environment, in place of those that the file names."""
    output: str | None = None
    """Which output is the action, where a file without lander's metadata does not make it clear."""
    action_range: str | None = None
    """`env` where the continuous actions of such a file are in the environment's units, or what they lie
    within, such as `-1,1`, to be scaled to the environment's bounds."""
    stateless: bool = False
    """Run a recurrent policy of such a file without its memory."""
    render: Literal["human"] | None = None
    """`human` opens a window and runs one episode after the other in it, in real time."""
    gif: Filename | None = None
    """A .gif to record in; several episodes go into files named by their seeds. None records nothing."""
    gif_episodes: str | int = "first"
    """Which to record: `first`, `best`, `worst`, `all`, `none` or how many from the first on."""
    save_replay: Filename | None = None
    """A .jsonl.gz for seeds, actions and rewards, which `replay` proves without the policy."""
    page: Filename | None = None
    """A folder for index.html with pictures and report.json."""
    out: Filename | None = None
    """A .json for the report."""
    engine: Literal["processes", "ray"] = "processes"
    """What runs the episodes: processes of this machine, or a Ray cluster."""
    ray_address: str | None = None
    """Of a cluster that exists, such as `auto`; None starts one on this machine."""
    shard: str | None = None
    """Such as `2/8`: run one part of the episodes only. `merge` puts the reports of all parts together."""

    def __post_init__(self) -> None:
        check_numbers(self.episodes, self.seed, self.lanes, self.workers)
        check_engine(self.engine, self.ray_address, self.workers)
        if self.render not in (None, "human"):
            raise UsageError(f"--render {self.render!r} is not known; choose human.")
        if self.render is not None and self.engine == "ray":
            raise UsageError("--render runs in this process, where the window is. Leave out --engine ray.")
        if self.render is not None and self.workers not in ("auto", 1):
            raise UsageError("--render runs in this process, where the window is. Leave out --workers.")
        if self.gif is not None:
            check_gif(Path(self.gif), str(self.gif_episodes))
        check_report_file(_path(self.out))
        check_replay_file(_path(self.save_replay))
        _ = self.part  # Refuses a shard that does not exist.

    @cached_property
    def part(self) -> Shard | None:
        """Which part of all episodes is to be run; None for all of them."""
        return None if self.shard is None else Shard.parse(self.shard, self.seed, self.episodes)

    @property
    def said(self) -> Said:
        """What is said of a file without lander's metadata."""
        return Said(self.output, self.action_range, self.stateless)

    @property
    def seeds(self) -> range:
        """The seeds of the episodes that are to be run."""
        whole = range(self.seed, self.seed + self.episodes)
        return whole if self.part is None else self.part.seeds


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
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
    render: Literal["human"] | None = None,
    gif: Filename | None = None,
    gif_episodes: str | int = "first",
    save_replay: Filename | None = None,
    page: Filename | None = None,
    out: Filename | None = None,
    engine: Literal["processes", "ray"] = "processes",
    ray_address: str | None = None,
    shard: str | None = None,
    observer: "EpisodeObserver | None" = None,
) -> "Report":
    """Score a policy over N episodes of Gymnasium's own environment; `lander eval` as a function.

    The arguments are the fields of `EvaluateRequest`, and an observer of every episode, in the order of
    their seeds. The report is the same, digest included, whatever the workers and lanes.

    Raises:
        CheckFailed: an episode that was recorded returned something else than the one that was scored.
        InputRefused: the policy's file is missing, corrupt, hostile, or does not fit the environment.
        MachineLacks: a package, a GPU, a screen or a cluster is missing.
        UsageError: a value is out of range, or a file could not be written.
    """
    request = EvaluateRequest(
        policy=policy, env=env, episodes=episodes, seed=seed, sampled=sampled, workers=workers, lanes=lanes,
        device=device, env_args=env_args, output=output, action_range=action_range, stateless=stateless,
        render=render, gif=gif, gif_episodes=gif_episodes, save_replay=save_replay, page=page, out=out,
        engine=engine, ray_address=ray_address, shard=shard,
    )  # fmt: skip
    return run_evaluation(request, observer)


def run_evaluation(request: EvaluateRequest, observer: "EpisodeObserver | None" = None) -> "Report":
    """What `evaluate` does, for a request; raises like it."""
    _check_outputs(request)
    stages = stages_of(observer)
    opened = open_for(
        request.policy, request.env, device=request.device, env_args=request.env_args, said=request.said
    )
    _announce(opened, stages)
    page = page_observer_for(_path(request.page), opened.env)
    report = _scored(request, opened, stages, observer, page)
    if request.out is not None:
        from lander_runtime.scores.report_file import write_report

        write_report(Path(request.out), report)
        stages.on_note(f"Wrote {request.out}")
    stages.on_report(report)
    if request.save_replay is not None:
        stages.on_note(f"Kept every step in {request.save_replay}")
    if request.gif is not None:
        indices = chosen_episodes(str(request.gif_episodes), report)
        for path in record_gifs(opened.policy, report, indices, Path(request.gif), stages):
            stages.on_note(f"Recorded {path}")
    if request.page is not None and page is not None:
        options = env_options(request.env, request.env_args, request.said.options)
        written = write_page_of(Path(request.page), opened, report, page, options)
        stages.on_note(f"Wrote {written}: open it in a browser")
    return report


def _scored(
    request: EvaluateRequest,
    opened: Opened,
    stages: EvaluationObserver,
    observer: "EpisodeObserver | None",
    page: "EpisodeObserver | None",
) -> "Report":
    """The report, with the replay written while the episodes come."""
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
            _path(request.save_replay), opened, first_seed=first, episodes=episodes, sampled=sampled
        ) as replay,
        stage(stages, "episodes", episodes),
    ):  # fmt: skip
        listeners = Listeners(observer, replay, page)
        found = evaluate(
            opened.policy, opened.env, episodes=episodes, first_seed=first, sampled=sampled,
            lanes=request.lanes, workers=request.workers, engine=engine, render_mode=request.render,
            keep=listeners.keep, observer=listeners,
        )  # fmt: skip
    return Report.of(found, shard=request.part)


def _announce(opened: Opened, stages: EvaluationObserver) -> None:
    stages.on_note(f"Evaluating {opened.name} ({opened.origin}) in {opened.in_words}{opened.on}")
    if opened.file is not None and opened.file.device_note:
        stages.on_note(opened.file.device_note)
    for assumption in opened.assumptions:
        stages.on_note(f"Assumed: {assumption}")


def _check_outputs(request: EvaluateRequest) -> None:
    """Refuse before any episode runs what could not be written after all of them."""
    gif = None if str(request.gif_episodes) == "none" else _path(request.gif)
    check_all_writable(gif, _path(request.out))
    check_page(_path(request.page))
    check_all_writable(_path(request.save_replay))


def check_numbers(episodes: int, seed: int, lanes: int, workers: int | str) -> None:
    """Refuse what is out of range; raises `UsageError`."""
    for name, value, least in (("episodes", episodes, 1), ("seed", seed, 0), ("lanes", lanes, 1)):
        _check_whole(name, value, least)
    if workers != "auto":
        _check_whole("workers", workers, 1, " or 'auto'")


def _check_whole(name: str, value: object, least: int, otherwise: str = "") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} should be a whole number from {least} on{otherwise}, found {value!r}.")


def _path(name: Filename | None) -> Path | None:
    return None if name is None else Path(name)
