"""The options of `lander train` as a request.

Apart from the options themselves, because `--help` does not need it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lander_cli.arguments.env_args import read_env_args
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_rl import TrainRequest


def new_run(assignments: Sequence[str], env_args: Sequence[str], given: Mapping[str, Any]) -> "TrainRequest":
    """A request for a new run.

    Args:
        assignments: the texts after `--set`.
        env_args: the texts after `--env-arg`.
        given: other fields of the request; None means not typed.

    Raises:
        UsageError: a text has another form, names the environment, or repeats an option.
    """
    from lander_rl.training.request import SaidTwice, TrainRequest, option_of
    from lander_trainer.settings.values import read_assignments

    settings = read_assignments(assignments)
    fields = {name: value for name, value in given.items() if value is not None}
    if "env" in settings:
        env = fields.get("env", TrainRequest.env)
        raise UsageError(f"Name the environment as the argument: lander train {env}")
    try:
        return TrainRequest(**fields, env_args=read_env_args(env_args), settings=settings)
    except SaidTwice as twice:
        raise UsageError(
            f"{option_of(twice.setting)} and --set {twice.setting}=... both say it. Leave one out."
        ) from twice


def refuse_with_resume(*typed: object) -> None:
    """Refuse options whose values a resumed run keeps.

    Args:
        typed: options that do not go with `--resume`; None where one was not typed.

    Raises:
        UsageError: one was typed.
    """
    if any(one is not None for one in typed):
        raise UsageError(
            "A resumed run keeps its settings; only --steps, --time, --target, --device, --backend, "
            "--log, --import and --network go with --resume."
        )


def refuse_without_seeds(*typed: object) -> None:
    """Refuse options that several trainings need and one has no use for; raises `UsageError`."""
    if any(one is not None for one in typed):
        raise UsageError("--jobs, --engine and --ray-address go with --seeds. Add: --seeds 5")


def refuse_watch_with_seeds(watch: bool) -> None:
    """Refuse `--watch` of several trainings, whose pictures would mix; raises `UsageError`."""
    if watch:
        raise UsageError("--watch draws one training. Leave out --seeds.")
