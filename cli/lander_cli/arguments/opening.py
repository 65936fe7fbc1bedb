"""Opening a policy for an environment that the command line may name: `--env`, `--env-arg`, `--output`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lander_cli.arguments.env_args import read_env_args
from lander_cli.arguments.policies import find_policy

if TYPE_CHECKING:
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.spec import EnvSpec


@dataclass(frozen=True)
class Opened:
    """A policy and where it is to fly."""

    policy: "PolicyFile"
    path: Path
    origin: str
    """Why this file was taken, in a few words."""
    env: "EnvSpec"
    options: tuple[str, ...]
    """What was typed to name the environment, for commands that are to be pasted."""

    @property
    def in_words(self) -> str:
        """Such as `LunarLander-v3(enable_wind=True)`, and what the file was made for where that differs."""
        flown, own = _env_in_words(self.env), _env_in_words(self.policy.env)
        return flown if self.env == self.policy.env else f"{flown} (the file says {own})"


def open_named(
    policy: Path | None, device: str, env: str | None, arguments: Sequence[str], output: str | None
) -> Opened:
    """Open what was named.

    Args:
        policy: a file, a folder, or None for the newest.
        device: `auto`, `cpu` or `cuda`.
        env: id of the environment; None for the one that the file names. With the id that the file names
            itself, its wrappers and arguments stay.
        arguments: `name=value`, each an argument of the environment in place of the file's.
        output: which output is the action, for files without metadata.
    """
    from lander_runtime import envs
    from lander_runtime.foreign.foreign import open_policy

    given = read_env_args(arguments)
    path, origin = find_policy(policy)
    recipe = None if env is None else envs.resolve(env, given)
    opened = open_policy(path, recipe, device, output)
    own = opened.env
    if recipe is None or recipe.id == own.id:
        recipe = replace(own, kwargs={**own.kwargs, **given})
    options = [] if env is None else ["--env", env]
    for text in arguments:
        options += ["--env-arg", text]
    if output is not None:
        options += ["--output", output]
    return Opened(opened, path, origin, recipe, tuple(options))


def _env_in_words(env: "EnvSpec") -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in env.kwargs.items())
    return f"{env.id}({arguments})" if arguments else env.id
