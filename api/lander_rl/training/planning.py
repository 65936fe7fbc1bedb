"""Turns a request into final settings, without `auto`, and the folder of the run.

The environment is built here once to read its spaces, and the trainer is given them.
"""

import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.importing import import_options
from lander_rl.inputs.networks import check_network_is_wanted, network_options, take_network
from lander_rl.inputs.old_versions import warn_of_old_version
from lander_rl.inputs.time_limits import warn_of_no_limit
from lander_rl.training.request import ResumeRequest, TrainRequest, option_of
from lander_runtime.envs.imports import import_modules, without_module
from lander_runtime.errors import UsageError
from lander_runtime.kernels import COMMON, KERNEL, how_to_have, kernels_here, not_the_commands, other_kernel
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_trainer import Checkpoint, RunDirectory, TrainConfig, TrainingPlan

_WORTH_SAYING = 10
"""Megabytes; vector observations never need as much."""

_ROUNDED = 0.05
"""Share of the steps that may come on top without a word."""


@dataclass(frozen=True)
class Prepared:
    """A run that can start."""

    plan: "TrainingPlan"
    run: "RunDirectory"
    resume: bool
    """Whether it continues from its checkpoint."""
    log: tuple[str, ...]
    """Trackers, each once; their packages are installed."""


def prepare_training(
    request: TrainRequest | ResumeRequest, say: Callable[[str], None], announce: Callable[[str], None]
) -> Prepared:
    """Check `request` and make the folder of a new run.

    Args:
        request: a new run, or a run to be resumed.
        say: prints a line for the user.
        announce: the same for the line that names the run's folder.

    Raises:
        UsageError: an unknown environment or setting, a value out of range, a folder that is not empty.
        InputRefused: there is no run to resume, its checkpoint is corrupt, or its environment is unknown.
        MachineLacks: a package, device or backend is missing, or there is too little memory for a rollout.
    """
    from lander_trainer.logs import check_log

    log = tuple(dict.fromkeys(request.log))
    # Before a folder is made: the same command can be typed again once the package is installed.
    for name in log:
        check_log(name)
    import_modules(request.imports)
    resume = isinstance(request, ResumeRequest)
    plan, run = _resumed(request, say) if isinstance(request, ResumeRequest) else _fresh(request, say)
    warn_of_no_limit(plan.env, say)
    announce(f"{'Resuming' if resume else 'Training'} {plan.config.env} in {run.path}")
    rounded = _rounded(plan.config)
    if rounded:
        say(rounded)
    megabytes = plan.observation_bytes / 1e6
    if megabytes > _WORTH_SAYING:
        say(f"The observations of a rollout take {megabytes:,.0f} MB.")
    if not resume:
        for sentence in _words_on_kernels():
            say(sentence)
    return Prepared(plan, run, resume, log)


@cache
def _words_on_kernels() -> Iterator[str]:
    """What to say of other kernels than the command's. Once a process: the iterator is empty afterwards."""
    kernel = not_the_commands()
    return iter(
        ()
        if kernel is None
        else (
            f"The same seed gives other weights here than with the lander command, as good as those: NumPy "
            f"rounds the last bits differently ({kernel}). {how_to_have(f'OpenBLAS {COMMON}')}",
        )
    )


def _rounded(config: "TrainConfig") -> str:
    """A sentence where whole updates are clearly more steps than were asked for; else empty."""
    size = config.lanes * config.rollout_steps
    whole = config.updates * size
    if config.time_limit is not None or whole - config.steps <= _ROUNDED * config.steps:
        return ""
    return (
        f"{counted(config.steps, 'step')} end inside an update: about {whole:,} are trained, "
        f"{counted(config.updates, 'update')} of {size:,} less the steps that only reset an environment."
    )


def _fresh(request: TrainRequest, say: Callable[[str], None]) -> "tuple[TrainingPlan, RunDirectory]":
    from lander_trainer import RunDirectory, plan_training
    from lander_trainer.start import begin

    plan = plan_training(planned_config(request, say))
    # Before the folder is made: what does not fit can be typed again.
    begin(plan.config, plan.observation, plan.action)
    if plan.note is not None:
        say(plan.note)
    return plan, RunDirectory.create(plan.config.env, request.out)


def planned_config(request: TrainRequest, say: Callable[[str], None]) -> "TrainConfig":
    """The settings of a new run, in which `auto` may still stand; its modules must be imported.

    Raises:
        InputRefused: there is nothing at `init` that can be started from.
        UsageError: an unknown environment, preset or setting, or a value out of range.
    """
    from lander_trainer import preset
    from lander_trainer.plan import trains_natively
    from lander_trainer.start import read_start

    # The environment first, so that a mistyped id gives no error about presets.
    env = without_module(request.env, request.imports)
    warn_of_old_version(env, say)
    network = take_network(request.network)
    config = _changed(preset(env, request.preset), request, network)
    if trains_natively(config):
        config = _changed(preset(env, request.preset, "native"), request, network)
    _check_target(config)
    if config.init is None:
        return config
    start = read_start(Path(config.init))
    say(f"Starting from {start.path}{'' if start.golden is None else '; its critic starts new'}")
    return start.adopted(config, {**request.settings, **({} if network is None else {"network": network})})


def _check_target(config: "TrainConfig") -> None:
    """Refuse a target that nothing would measure. Not in the settings themselves: old runs may have it."""
    if config.target_score is not None and config.selection_episodes == 0:
        raise UsageError(
            "--target is compared with selections, and selection_episodes=0 leaves none. Leave one out."
        )


def _changed(base: "TrainConfig", request: TrainRequest, network: str | None) -> "TrainConfig":
    """`base` with the settings of `request` in place of its own; `network` is the name of the request's."""
    config, given = base.with_values(request.settings), request.given()
    if network is not None:
        given["network"] = network
    if "env_kwargs" in given:
        # As in `lander eval`, an argument replaces only its own value: the preset may need the others.
        given["env_kwargs"] = {**config.env_kwargs, **given["env_kwargs"]}
    return _with_typed(config, given)


def _with_typed(config: "TrainConfig", given: Mapping[str, Any]) -> "TrainConfig":
    """`config` with the given fields; an error names the option that was typed, not the setting."""
    from lander_trainer.settings.values import SettingRefused

    try:
        return config.with_values(given)
    except SettingRefused as refused:
        setting, fault = refused.args
        if setting not in given:
            raise
        raise UsageError(f"{option_of(setting)}{fault}") from refused


def _resumed(request: ResumeRequest, say: Callable[[str], None]) -> "tuple[TrainingPlan, RunDirectory]":
    from lander_trainer import Checkpoint, RunDirectory, plan_training
    from lander_trainer.plan import check_trainable

    take_network(request.network)
    run = RunDirectory.open(request.run)
    checkpoint = Checkpoint.load(run.checkpoint)
    check_network_is_wanted(request.network, run.checkpoint, checkpoint.config.network)
    # First, because here it is the file's fault where there is no such environment, not that of an option.
    check_trainable(checkpoint.env)
    given = request.given()
    # What depends on the machine's cores is chosen again; the learner only if the device changes.
    again: dict[str, Any] = {"workers": 0, "critic_process": "auto", **request.processes}
    if "device" in given:
        again["learner"] = "auto"
    plan = plan_training(_with_typed(checkpoint.config.with_values(again), given))
    if request.target is not None:
        _check_target(plan.config)
    if plan.config.updates < checkpoint.progress.updates:
        done = counted(checkpoint.progress.steps, "step")
        raise UsageError(f"{request.run} has done {done} already; --steps cannot be less.")
    kernel = other_kernel(checkpoint.versions)
    if kernel is not None:
        say(
            f"The run was made with {kernel}, and NumPy has {kernels_here()[KERNEL]} here: it goes on, with "
            f"other weights than without the interruption. {how_to_have(kernel)}"
        )
    longer = _how_to_go_on(plan.config, checkpoint, request)
    if longer is not None:
        say(f"{request.run} is done. To go on: {longer}")
    return plan, run


def _how_to_go_on(config: "TrainConfig", checkpoint: "Checkpoint", request: ResumeRequest) -> str | None:
    """The command that makes a finished run longer; None if the run is not finished."""
    progress = checkpoint.progress
    if config.updates == progress.updates:
        longer = ["--steps", str(2 * config.steps)]
    elif config.time_limit is not None and progress.seconds >= config.time_limit:
        longer = ["--time", f"{math.ceil(2 * progress.seconds)}s"]
    else:
        return None
    modules = [*import_options(request.imports), *network_options(request.network)]
    return shlex.join(["lander", "train", "--resume", str(request.run), *modules, *longer])
