"""`sweep`: a search for good settings, as `lander sweep` makes it.

Training seeds from 101 on and episodes from 950,000 on: no seed and no episode of a score that is reported
later guides the search.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.searching.results import Sweep
from lander_rl.several.display import TrainingsDisplay, open_table
from lander_rl.several.pool import Jobs, PoolRequest, open_pool, run_trainings
from lander_rl.training.planning import planned_config
from lander_rl.training.progress import open_talk
from lander_rl.training.stopping import stop_on_interrupt
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.seeds import SEARCH_EPISODES
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_rl.searching.space import SearchSpace
    from lander_trainer import TrainConfig


@dataclass(frozen=True, kw_only=True)
class SweepRequest(PoolRequest):
    """The arguments of `sweep`."""

    space: "Path | SearchSpace"
    """A file that says what is searched, or the same as an object."""

    trials: int = 50
    """In all, those of earlier calls included."""

    seeds: int = 2
    """Training seeds of each trial, 1 or more."""

    episodes: int = 100
    """Scored for each seed, from 1 to 40,000."""

    objective: str = "score"
    """`score`, `time` (to the threshold) or `failures`."""

    out: Path | None = None
    """The folder of pictures and preset; `sweeps/<name of the file>` where it is None."""

    storage: str | None = None
    """A file for the study, or an URL that Optuna takes, so that several machines share it; `study.log` in
    `out` where it is None. The same sweep goes on where it was stopped."""

    imports: tuple[str, ...] = ()
    """Modules that register environments."""

    def __post_init__(self) -> None:
        for name in ("trials", "seeds", "episodes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"--{name} should be a whole number from 1 on, found {value!r}.")
        if self.episodes > SEARCH_EPISODES:
            raise UsageError(f"--episodes should be at most {SEARCH_EPISODES:,}, found {self.episodes:,}.")
        super().__post_init__()

    @property
    def folder(self) -> Path:
        """Where pictures and preset go."""
        name = self.space.stem if isinstance(self.space, Path) else "sweep"
        return self.out or Path("sweeps") / name


@names_arguments
def sweep(
    space: "Filename | SearchSpace",
    trials: int = 50,
    *,
    jobs: Jobs = "auto",
    seeds: int = 2,
    episodes: int = 100,
    objective: str = "score",
    out: Filename | None = None,
    storage: Filename | None = None,
    engine: Literal["processes", "ray"] = "processes",
    ray_address: str | None = None,
    imports: tuple[str, ...] = (),
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
) -> Sweep:
    """Search for good settings with Optuna: TPE, and median pruning.

    The same call goes on where it was stopped, after `kill -9` too.

    Args:
        space: a file that says what is searched, or a `SearchSpace`.
        trials: in all, those of earlier calls included.
        jobs: trials at a time; `auto` is one for each core, or each CPU of the cluster.
        seeds: training seeds of each trial, from 101 on.
        episodes: scored for each seed, from the seed 950,000 on.
        objective: `score`, `time` (to the environment's threshold) or `failures` (episodes under it).
        out: the folder of pictures and preset; `sweeps/<name of the file>` by default.
        storage: a file for the study, or an URL that Optuna takes; `study.log` in `out` by default.
        engine: `processes` of this machine, or a `ray` cluster.
        ray_address: of an existing cluster, such as `auto`; one is started here by default.
        imports: modules that register environments.
        progress: display the progress.
        stop: called a few times a second; True ends the sweep.

    Raises:
        InputRefused: there is no such file, or the study cannot be opened.
        MachineLacks: Optuna is not installed, or worker processes ended.
        UsageError: an unknown setting, a range that is none, or a study with other settings.
    """
    say, _ = open_talk(progress)
    request = SweepRequest(
        space=Path(space) if isinstance(space, str | os.PathLike) else space, trials=trials, jobs=jobs,
        seeds=seeds, episodes=episodes, objective=objective, out=path_of(out),
        storage=None if storage is None else os.fspath(storage), engine=engine, ray_address=ray_address,
        imports=imports,
    )  # fmt: skip
    with stop_on_interrupt(say, stop) as stopped:
        return run_sweep(request, say=say, display=open_table if progress else nullcontext, stop=stopped)


def run_sweep(
    request: SweepRequest,
    *,
    say: Callable[[str], None],
    display: Callable[[], AbstractContextManager[TrainingsDisplay | None]],
    stop: Callable[[], bool],
) -> Sweep:
    """`sweep` with its arguments as a request; raises the same errors.

    Args:
        request: what to search.
        say: prints a line for the user.
        display: opens the display of the progress.
        stop: True ends the sweep.
    """
    if find_spec("optuna") is None:
        raise MachineLacks("Optuna is not installed. Type: pip install 'lander-rl[sweep]'")
    from lander_rl.searching.objectives import OBJECTIVES
    from lander_rl.searching.outcome import outcome
    from lander_rl.searching.sameness import check_same, identity
    from lander_rl.searching.space import SearchSpace
    from lander_rl.searching.study import FINISHED, alone, make_ready, open_study
    from lander_rl.searching.trials import Trials, check_sweep
    from lander_trainer import plan_training

    # sweeps/NAME is made in full; of a folder that was typed, the last level only.
    check_all_writable(request.folder / "preset.toml", say=say, new_folders=2 if request.out is None else 1)
    _check_storage(request, say)
    import_modules(request.imports)
    space = SearchSpace.read(request.space) if isinstance(request.space, Path) else request.space
    space = space.importing(request.imports)
    config = planned_config(space.request({}), say)
    threshold = plan_training(config).env.reward_threshold
    check_sweep(request.objective, threshold, config.env)
    start = _start(space, config, say)
    storage = _storage(request)
    with open_study(storage, OBJECTIVES[request.objective][0]) as study:
        with alone(storage):
            check_same(study, identity(request, space, config), _another(request))
            done = len(study.get_trials(deepcopy=False, states=FINISHED))
            make_ready(study, start)
        if done:
            say(f"The study {_goes_on(done, request.trials)}")
        if done < request.trials:
            with open_pool(request, request.trials, say) as pool, display() as shown:
                say(f"Searching settings for {config.env}, {counted(pool.size, 'trial')} at a time")
                trials = Trials(
                    study, space, pool, objective=request.objective, threshold=threshold,
                    wanted=request.trials, seeds=request.seeds, episodes=request.episodes,
                    alone=lambda: alone(storage), say=say,
                    show=(lambda rows: None) if shown is None else shown.show,
                )  # fmt: skip
                try:
                    run_trainings(pool, trials, stop)
                finally:
                    trials.give_up()
        # The last one to end leaves the pictures and the preset of all trials.
        with alone(storage):
            return outcome(request, study, space, config, say, interrupted=stop())


def _start(space: "SearchSpace", config: "TrainConfig", say: Callable[[str], None]) -> dict[str, Any]:
    """The settings of the preset that are in the space: the first trial."""
    start = space.params_of(config)
    outside = [name for name in space.kinds if name not in start]
    if outside:
        say(f"The preset's {', '.join(outside)} is outside the space; sampled in the first trial.")
    return start


def _goes_on(done: int, wanted: int) -> str:
    if done < wanted:
        return f"goes on: {counted(done, 'trial')} done, {wanted} wanted."
    return f"has {counted(done, 'trial')} done, {wanted} wanted: none is left to train."


def _another(request: SweepRequest) -> str:
    """How to get another study, for a message."""
    if request.storage is not None:
        return "another --storage"
    if request.out is not None or not isinstance(request.space, Path):
        return "another --out"
    return "another --out, or another name for the file"


def _check_storage(request: SweepRequest, say: Callable[[str], None]) -> None:
    """Refuse a file of a new study in a folder that is not there."""
    from lander_rl.searching.study import is_url

    if request.storage is not None and not is_url(request.storage) and not Path(request.storage).exists():
        check_all_writable(Path(request.storage), say=say)


def _storage(request: SweepRequest) -> str:
    return request.storage or str(request.folder / "study.log")
