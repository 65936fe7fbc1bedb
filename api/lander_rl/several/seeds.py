"""`train_seeds`: one setting with several seeds, and the run that selection likes best exported.

What a setting is worth shows in several seeds: one may be lucky. The runs are scored on episodes that no
training, selection or search uses; selection alone decides which of them is exported, so that the exported
policy's score is not the best of several draws.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.exporting.export import ExportRequest, run_export
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.plotting import PlotRequest, run_plot
from lander_rl.several.display import TrainingsDisplay, open_table
from lander_rl.several.going_on import begun_runs, finished
from lander_rl.several.pool import Jobs, PoolRequest, open_pool, run_trainings
from lander_rl.several.results import SeedRun, SeedRuns
from lander_rl.several.scheduler import SeedScheduler
from lander_rl.showing import said_before_an_error
from lander_rl.training.planning import planned_config
from lander_rl.training.progress import open_talk
from lander_rl.training.request import TrainRequest
from lander_rl.training.stopping import stop_on_interrupt
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules
from lander_runtime.errors import LanderError, UsageError
from lander_runtime.locks import locked

if TYPE_CHECKING:
    from lander_trainer import TrainConfig

_MOST_SEEDS = 100


@dataclass(frozen=True, kw_only=True)
class SeedsRequest(PoolRequest):
    """The arguments of `train_seeds`."""

    train: TrainRequest
    """What every seed trains with. Its `seed`, 1 where it is None, is the first; with `out` the runs are
    the folders `seed-1`, `seed-2`, ... in it. Runs that are there go on, or are taken as they are."""

    seeds: int = 5
    """How many, from 2 to 100."""

    episodes: int = 100
    """Scored for each seed, and for the exported policy; 1 or more."""

    gif: bool = True
    """Record an episode of the exported policy."""

    def __post_init__(self) -> None:
        if isinstance(self.seeds, bool) or not 2 <= self.seeds <= _MOST_SEEDS:
            raise UsageError(f"--seeds should be from 2 to {_MOST_SEEDS}, found {self.seeds}.")
        if self.episodes < 1:
            raise UsageError(f"episodes should be a whole number from 1 on, found {self.episodes}.")
        super().__post_init__()
        if self.engine == "ray" and "tensorboard" in self.train.log:
            raise UsageError(
                "--log tensorboard writes where a run trains, and --engine ray does not keep it. "
                "Leave one out."
            )


@names_arguments
def train_seeds(
    env: str = TrainRequest.env,
    seeds: int = 5,
    *,
    jobs: Jobs = "auto",
    engine: Literal["processes", "ray"] = "processes",
    ray_address: str | None = None,
    episodes: int = 100,
    gif: bool = True,
    out: Filename | None = None,
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
    **train: Any,
) -> SeedRuns:
    """Train one setting with several seeds beside each other; export the run that selection likes best.

    Every run has the weights that `train` alone gives with its seed. Ctrl-C saves all runs and returns them;
    while the best one is exported, it ends the export. With `out` the same call goes on: runs that were
    stopped are resumed, and those that are done are taken as they are.

    Args:
        env: Gymnasium's id of the environment.
        seeds: how many, from 2 to 100.
        jobs: trainings at a time; `auto` is one for each core, or each CPU of the cluster.
        engine: `processes` of this machine, or a `ray` cluster.
        ray_address: of an existing cluster, such as `auto`; one is started here by default.
        episodes: scored for each seed, and for the exported policy.
        gif: record an episode of the exported policy.
        out: the folder of the runs, which are `seed-1`, `seed-2`, ...; `runs/<env>/<number>` by default.
        progress: display the progress.
        stop: called a few times a second; True saves and ends all runs, and nothing is exported.
        train: fields of `TrainRequest`, such as `steps` and `preset`, and `settings`.

    Raises:
        MachineLacks: a worker process ended. UsageError: `out` has a run of other settings. Beside them, what
            `train` and `export` raise.
    """
    say, _ = open_talk(progress)
    request = SeedsRequest(
        train=TrainRequest(env=env, out=path_of(out), **train),
        seeds=seeds, jobs=jobs, engine=engine, ray_address=ray_address, episodes=episodes, gif=gif,
    )  # fmt: skip
    return run_seeds(
        request,
        say=say,
        display=open_table if progress else nullcontext,
        stopping=lambda: stop_on_interrupt(say, stop),
    )


def run_seeds(
    request: SeedsRequest,
    *,
    say: Callable[[str], None],
    display: Callable[[], AbstractContextManager[TrainingsDisplay | None]],
    stopping: Callable[[], AbstractContextManager[Callable[[], bool]]],
    exporting: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> SeedRuns:
    """`train_seeds` with its arguments as a request; raises the same errors.

    Args:
        request: what to train.
        say: prints a line for the user.
        display: opens the display of the progress.
        stopping: opens, for the training, the function that is called a few times a second; True saves and
            ends all runs, and nothing is exported.
        exporting: is open during the export, which a KeyboardInterrupt ends.
    """
    from lander_trainer import plan_training

    import_modules(request.train.imports)
    say = _once(say)
    config = planned_config(request.train, say)
    if config.selection_episodes == 0:
        raise UsageError("selection_episodes=0 leaves nothing to choose a run by. Leave it out.")
    # Without `auto`, to be compared with runs that are there.
    config = plan_training(config).config
    with _held(request.train.out):
        with stopping() as stop:
            scheduler = _trained(request, config, say, display, stop)
            found = _result(request, scheduler, say)
            stopped = stop() or found.interrupted
        return found if stopped else _exported(request, found, say, exporting)


def _held(out: Path | None) -> AbstractContextManager[None]:
    """Keep a second training out of the folder of the runs.

    Their own locks are not enough: of two such trainings each could hold one, and refuse the other.
    """
    if out is None:
        return nullcontext()
    return locked(out / ".lock", out, "Wait until it has ended, or choose another --out.")


def _trained(
    request: SeedsRequest,
    config: "TrainConfig",
    say: Callable[[str], None],
    display: Callable[[], AbstractContextManager[TrainingsDisplay | None]],
    stop: Callable[[], bool],
) -> SeedScheduler:
    numbers = [config.seed + index for index in range(request.seeds)]
    begun = begun_runs(request.train, numbers, config)
    if begun and request.engine == "ray":
        raise UsageError(
            f"{next(iter(begun.values()))} is a run already, and --engine ray does not go on with runs. "
            "Leave it out, or choose another --out."
        )
    for path in begun.values():
        say(f"{path} is done and taken as it is" if finished(path) else f"{path} goes on")
    folders = _folders(request.train.out, numbers, begun, config.env)
    try:
        with open_pool(request, request.seeds, say) as pool:
            say(f"Training {config.env} with the seeds {numbers[0]} to {numbers[-1]}, {pool.size} at a time")
            with display() as shown:
                scheduler = SeedScheduler(
                    request.train, request.episodes, folders, set(begun), pool, say, shown
                )
                run_trainings(pool, scheduler, stop)
    finally:
        # Those of seeds whose turn did not come.
        for path in folders.values():
            with suppress(OSError):
                path.rmdir()
    return scheduler


def _folders(out: Path | None, seeds: list[int], begun: dict[int, Path], env: str) -> dict[int, Path]:
    """A folder for each seed: that of the run which was begun before, else a new one."""
    from lander_trainer import RunDirectory

    return {
        seed: begun[seed]
        if seed in begun
        else RunDirectory.create(env, None if out is None else out / f"seed-{seed}").path
        for seed in seeds
    }


def _once(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say`, each sentence once: every training has the same to say of the environment."""
    said = set[str]()

    def once(text: str) -> None:
        if text not in said:
            said.add(text)
            say(text)

    return once


def _result(request: SeedsRequest, scheduler: SeedScheduler, say: Callable[[str], None]) -> SeedRuns:
    runs = tuple(SeedRun(seed, scheduler.folders[seed], one) for seed, one in sorted(scheduler.ended.items()))
    picture = _drawn(request, runs, say) if runs else None
    missing = tuple(sorted(scheduler.folders.keys() - scheduler.ended.keys() - scheduler.failed.keys()))
    return SeedRuns(runs, scheduler.failed, request.episodes, picture, None, missing)


def _exported(
    request: SeedsRequest,
    found: SeedRuns,
    say: Callable[[str], None],
    exporting: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> SeedRuns:
    """`found` with the chosen run exported; without, where Ctrl-C ended the export."""
    chosen = found.chosen
    if chosen is None:
        return found
    source = ExportRequest(
        source=chosen.path, episodes=request.episodes, gif=request.gif, imports=request.train.imports
    )
    try:
        with said_before_an_error(say, found), exporting():
            return replace(found, exported=run_export(source, say))
    except KeyboardInterrupt:
        # The export can be made again. What was trained and scored must not be lost with it.
        return found


def _drawn(request: SeedsRequest, runs: tuple[SeedRun, ...], say: Callable[[str], None]) -> Path | None:
    first, last = runs[0].path, runs[-1].path
    picture = (
        first.with_name(f"{first.name}-{last.name}.png")
        if request.train.out is None
        else request.train.out / "seeds.png"
    )
    try:
        run_plot(PlotRequest(runs=tuple(run.path for run in runs), out=picture, group=True))
    except (LanderError, OSError) as error:
        # A run that was stopped may have no episode yet; and a full disk must not cost the scores.
        say(f"No picture was drawn. {error}")
        return None
    return picture
