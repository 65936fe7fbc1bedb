"""A warning for an environment whose id names an old version.

A file of its own because training and exporting both take such an id.
"""

from collections.abc import Callable


def warn_of_old_version(env_id: str, say: Callable[[str], None]) -> None:
    """Say one line if Gymnasium has a newer version of `env_id`.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    from lander_runtime import envs

    newest = envs.newer_version(env_id)
    if newest is not None:
        say(f"{env_id} is an old version; scores of it do not compare with those of {newest}.")
