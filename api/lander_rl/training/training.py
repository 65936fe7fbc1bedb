"""`train` and `resume`: what `lander train` does, for scripts and notebooks."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.training.request import DEFAULT_ENV, TrainRequest
from lander_rl.training.runs import Run
from lander_rl.training.session import run_from_python
from lander_rl.wording import names_arguments
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_trainer import TrainObserver


@names_arguments
def train(
    env: str = DEFAULT_ENV,
    *,
    steps: float | str | None = None,
    preset: str = "default",
    seed: int | None = None,
    device: str | None = None,
    backend: str | None = None,
    target: float | None = None,
    time: float | str | None = None,
    env_args: Mapping[str, Any] | None = None,
    max_episode_steps: int | None = None,
    init: Filename | None = None,
    network: Any = None,
    out: Filename | None = None,
    log: Sequence[str] = (),
    imports: Sequence[str] = (),
    progress: bool = True,
    observer: "TrainObserver | None" = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Run:
    """Train a policy with PPO and return its run, even if Ctrl-C stopped it.

    The first Ctrl-C finishes the update, saves and returns the run with `interrupted` set; the second raises
    KeyboardInterrupt at once. A program that handles SIGINT itself keeps its handler; `stop` is for those.

    Args:
        env: Gymnasium's id of the environment.
        steps: environment steps, all lanes together; also text such as `1_000_000` or `1e6`.
        preset: named settings to start from; `environments()` lists them.
        seed: seeds weights, actions and environments; 0 or more.
        device: `auto`, `cpu` or `cuda`.
        backend: `auto`, `gymnasium`, `envpool` or `native`.
        target: stop once a selection scores this return.
        time: seconds of training, also text such as `2m`, with the schedule fitted to them.
        env_args: arguments of the environment, such as `{"enable_wind": True}`.
        max_episode_steps: steps after which an episode is truncated, where the environment's own limit, or
            the lack of one, is not what you want.
        init: a checkpoint, a run's folder or a policy file to start from, with its network. Of a policy file
            the critic starts new.
        network: a network of your own: a `torch.nn.Module`, a class or function that makes one, or its name
            as `module:name`; `lander_trainer.networks.custom` says what it must compute.
        out: the run's folder; `runs/<env>/<number>` by default.
        log: trackers beside `metrics.jsonl`: `tensorboard`, `wandb`, `trackio`.
        imports: modules that register environments.
        progress: display the progress: a panel on a terminal, a figure in a notebook, else plain lines.
        observer: called for every update (`TrainObserver`).
        stop: called after every update; True saves and ends the run.
        settings: any other setting by name; `settings()` lists them.

    Raises:
        UsageError: an unknown environment, preset or setting, a value out of range, or a folder that is
            not empty.
        MachineLacks: a package, device or backend is missing, or there is too little memory for a rollout.
        CheckFailed: a loss or gradient is no longer finite; the checkpoint before it is kept.
    """
    _check_names(settings)
    request = TrainRequest(
        env=env, steps=steps, preset=preset, seed=seed, device=device, backend=backend, target=target,
        time=time, env_args=env_args or {}, max_episode_steps=max_episode_steps,
        init=path_of(init), network=network,
        out=path_of(out), log=tuple(log), imports=imports, settings=settings,
    )  # fmt: skip
    return Run.ended(run_from_python(request, progress=progress, observer=observer, stop=stop))


_ELSEWHERE: Mapping[str, str] = {
    "watch": "Watching needs a terminal. Type there: lander train --watch",
    "seeds": "For several trainings: lander_rl.train_seeds(ENV, seeds=5)",
    "resume": "To go on with a run: lander_rl.resume(RUN)",
    "verbose": "Give progress=False to train without a word, and an observer to see every update.",
    "progress_bar": "It is called progress.",
    "callback": "It is called observer.",
    "callbacks": "It is called observer.",
    "tensorboard_log": "Give log=['tensorboard'].",
}
"""What is no setting and is often looked for here, with where it is found."""


def _check_names(settings: Mapping[str, Any]) -> None:
    for name in settings:
        if name in _ELSEWHERE:
            raise UsageError(f"train takes no {name!r}. {_ELSEWHERE[name]}")


def resume(run: Filename, **options: Any) -> Run:
    """Go on with the run in the folder `run`: `Run.open(run).resume(...)`, which has the options."""
    return Run.open(run).resume(**options)
