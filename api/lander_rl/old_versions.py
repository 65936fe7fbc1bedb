"""What to say of an environment that was asked for by an old version; those that work still do.

Apart from training and exporting, which both take an id that somebody typed.
"""

from collections.abc import Callable


def warn_of_old_version(env_id: str, say: Callable[[str], None]) -> None:
    """Say one line where Gymnasium has a newer version of `env_id`, nothing where it has not.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    from lander_runtime import envs

    newest = envs.newer_version(env_id)
    if newest is not None:
        say(f"{env_id} is an old version; scores of it do not compare with those of {newest}.")
