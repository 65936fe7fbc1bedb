"""The time limit of an environment: one that the user sets, and a word where there is none."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lander_rl.inputs.opening import Opened
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lander_runtime.spec import EnvSpec


def check_time_limit(steps: int | None) -> None:
    """Refuse a limit that is no whole number from 1 on; raises `UsageError`."""
    if steps is not None and (not isinstance(steps, int) or isinstance(steps, bool) or steps < 1):
        raise UsageError(f"--max-episode-steps should be a whole number from 1 on, found {steps!r}.")


def time_limit_option(steps: int | None) -> list[str]:
    """The option of a command to be pasted."""
    return [] if steps is None else ["--max-episode-steps", str(steps)]


def limited(opened: Opened, steps: int | None) -> Opened:
    """`opened` with episodes of at most so many steps; None keeps the limit that there is."""
    return opened if steps is None else replace(opened, env=replace(opened.env, max_episode_steps=steps))


def warn_of_no_limit(env: "EnvSpec", say: "Callable[[str], None]") -> None:
    """Say where nothing ends an episode but the environment itself, and how to give a limit."""
    from lander_runtime.envs.known import family_of
    from lander_runtime.envs.registry import blamed_on_file, registered

    with blamed_on_file(env):
        limit = env.max_episode_steps or registered(env.id).max_episode_steps
    # The games of a family end by their own clocks.
    if limit is None and family_of(env.id) is None:
        say(
            f"{env.id} has no time limit, so an episode that does not end by itself runs for ever. "
            "To limit it, add: --max-episode-steps 1000"
        )
