"""`sweep`: a search for good settings, as `lander sweep` makes it.

Training seeds from 101 on and episodes from 950,000 on: no seed and no episode of a score that is reported
later guides the search.
"""

import os
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from lander_rl.searching.results import Sweep, SweepTrial
from lander_rl.several.crew import Jobs, check_crew, direct, open_crew
from lander_rl.several.display import open_table
from lander_rl.several.trainee import Status
from lander_rl.training.planning import planned_config
from lander_rl.training.progress import open_talk
from lander_rl.training.stopping import stop_on_interrupt
from lander_rl.wording import names_arguments
from lander_runtime.envs.imports import import_modules
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.files import write_text
from lander_runtime.text import counted

if TYPE_CHECKING:
    import optuna

    from lander_rl.searching.space import SearchSpace
    from lander_trainer import TrainConfig

SEARCH_EPISODES = 40_000
"""How many episodes there are from the first of a search until the export gate's begin."""


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """The arguments of `sweep`."""

    space: "Path | SearchSpace"
    """A file that says what is searched, or the same as an object."""

    trials: int = 50
    """In all, those of earlier calls included."""

    jobs: Jobs = "auto"
    """Trials at a time; `auto` is one for each core, or each CPU of the cluster."""

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

    engine: Literal["processes", "ray"] = "processes"
    """Where trials run: in processes of this machine, or on a Ray cluster."""

    ray_address: str | None = None
    """Address of an existing cluster, such as `auto`; None starts one on this machine."""

    imports: tuple[str, ...] = ()
    """Modules that register environments."""

    def __post_init__(self) -> None:
        for name in ("trials", "seeds", "episodes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"--{name} should be a whole number from 1 on, found {value!r}.")
        if self.episodes > SEARCH_EPISODES:
            raise UsageError(f"--episodes should be at most {SEARCH_EPISODES:,}, found {self.episodes:,}.")
        check_crew(self.engine, self.ray_address, self.jobs)

    @property
    def folder(self) -> Path:
        """Where pictures and preset go."""
        name = self.space.stem if isinstance(self.space, Path) else "sweep"
        return self.out or Path("sweeps") / name


class SweepDisplay(Protocol):
    """Shows how far the trials are."""

    def show(self, rows: dict[str, Status]) -> None:
        """How far each trial is, by a name such as `trial 7`."""
        ...


@names_arguments
def sweep(
    space: "str | os.PathLike[str] | SearchSpace",
    trials: int = 50,
    *,
    jobs: Jobs = "auto",
    seeds: int = 2,
    episodes: int = 100,
    objective: str = "score",
    out: str | os.PathLike[str] | None = None,
    storage: str | os.PathLike[str] | None = None,
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
        seeds=seeds, episodes=episodes, objective=objective, out=None if out is None else Path(out),
        storage=None if storage is None else os.fspath(storage), engine=engine, ray_address=ray_address,
        imports=imports,
    )  # fmt: skip
    with stop_on_interrupt(say) as interrupted:
        return run_sweep(
            request,
            say=say,
            display=open_table if progress else _no_display,
            stop=lambda: interrupted() or (stop is not None and stop()),
        )


def run_sweep(
    request: SweepRequest,
    *,
    say: Callable[[str], None],
    display: Callable[[], AbstractContextManager[SweepDisplay | None]],
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
    from lander_rl.searching.space import SearchSpace
    from lander_rl.searching.study import check_same, make_ready, open_study
    from lander_rl.searching.trials import Trials, check_sweep
    from lander_trainer import plan_training

    import_modules(request.imports)
    space = SearchSpace.read(request.space) if isinstance(request.space, Path) else request.space
    space = space.importing(request.imports)
    config = planned_config(space.request({}), say)
    threshold = plan_training(config).env.reward_threshold
    check_sweep(request.objective, threshold, config.env)
    start = space.params_of(config)
    outside = [name for name in space.kinds if name not in start]
    if outside:
        say(f"The preset's {', '.join(outside)} is outside the space; sampled in the first trial.")
    wanted = {
        "objective": request.objective,
        "seeds": request.seeds,
        "episodes": request.episodes,
        "space": space.to_json(),
        **{name: value for name, value in config.to_dict().items() if name != "seed"},
    }
    with open_study(_storage(request), OBJECTIVES[request.objective][0]) as study:
        check_same(study, wanted)
        make_ready(study, start)
        with (
            open_crew(request.engine, request.ray_address, request.jobs, request.trials, say) as crew,
            display() as shown,
        ):
            say(f"Searching settings for {config.env}, {counted(crew.size, 'trial')} at a time")
            trials = Trials(
                study, space, crew, request.objective, threshold, request.trials, request.seeds,
                request.episodes, say, (lambda rows: None) if shown is None else shown.show,
            )  # fmt: skip
            try:
                direct(crew, trials, stop)
            finally:
                trials.give_up()
        return _result(request, study, space, config, interrupted=stop())


def _storage(request: SweepRequest) -> str:
    return request.storage or str(request.folder / "study.log")


def _result(
    request: SweepRequest, study: "optuna.Study", space: "SearchSpace", config: "TrainConfig", *,
    interrupted: bool,
) -> Sweep:  # fmt: skip
    from optuna.trial import TrialState

    from lander_rl.searching.objectives import OBJECTIVES
    from lander_rl.searching.space import rounded
    from lander_rl.searching.study import importances

    direction, meaning = OBJECTIVES[request.objective]
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ranked = sorted(completed, key=lambda trial: trial.value or 0.0, reverse=direction == "maximize")
    found = tuple(
        SweepTrial(
            number=trial.number,
            value=trial.value or 0.0,
            settings={name: rounded(value) for name, value in trial.params.items()},
            scores=tuple(trial.user_attrs["scores"]),
            lowest=trial.user_attrs["lowest"],
            success=trial.user_attrs.get("success"),
            seconds_to_threshold=tuple(trial.user_attrs["seconds_to_threshold"]),
            seconds=trial.user_attrs["seconds"],
        )
        for trial in ranked
    )
    shares = importances(study) if len(completed) > 1 else {}
    pictures, preset, command = (), None, ()
    if found:
        best = planned_config(space.request(ranked[0].params), lambda text: None)
        pictures = _draw(request.folder, found, shares, config.env, meaning, maximise=direction == "maximize")
        preset = request.folder / "preset.toml"
        write_text(preset, preset_text(best, space, request, found[0]))
        command = _command(best)
    return Sweep(
        env=config.env, objective=meaning, trials=found, pruned=states.count(TrialState.PRUNED),
        cut_short=states.count(TrialState.FAIL), start=space.params_of(config), importance=shares,
        folder=request.folder, pictures=pictures, preset=preset, command=command, interrupted=interrupted,
    )  # fmt: skip


def _draw(
    folder: Path, found: tuple[SweepTrial, ...], shares: dict[str, float], env: str, meaning: str, *,
    maximise: bool,
) -> tuple[Path, ...]:  # fmt: skip
    from lander_trainer.plots.search import draw_history, draw_importance

    history, importance = folder / "history.png", folder / "importance.png"
    values = sorted((one.number, one.value) for one in found)
    draw_history(values, history, title=env, value=meaning, maximise=maximise)
    if not shares:
        return (history,)
    draw_importance(shares, importance, title=f"{env}: {meaning}")
    return history, importance


def preset_text(best: "TrainConfig", space: "SearchSpace", request: SweepRequest, trial: SweepTrial) -> str:
    """The settings of the best trial as a table for a file of `preset_files/`, those at their default out."""
    import tomli_w

    from lander_trainer import TrainConfig

    usual = TrainConfig(env=best.env).to_dict()
    chosen = {
        name: value
        for name, value in best.to_dict().items()
        if value != usual.get(name) and (name != "backend" or space.train.backend is not None)
    }
    scores = ", ".join(f"{score:.1f}" for score in trial.scores)
    return (
        f"# {best.env}: trial {trial.number} of a sweep, on the backend {best.backend}.\n"
        f"# Greedy scores of its training seeds, {counted(request.episodes, 'episode')} each: {scores}.\n"
        f"{tomli_w.dumps({request.folder.name: chosen})}"
    )


def _command(best: "TrainConfig") -> tuple[str, ...]:
    from lander_trainer import training_command

    return tuple(shlex.split(training_command(best)))


def _no_display() -> AbstractContextManager[None]:
    return nullcontext()
