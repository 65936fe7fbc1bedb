"""Modules that a person names because they register environments, imported before anything is looked up.

Apart from the requests because each command takes them. What stands in a file is never imported.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lander_runtime.spec import EnvSpec


def with_imports(imports: Sequence[str], env: "EnvSpec | str | None" = None) -> "EnvSpec | str | None":
    """Import the modules, and give `env` as Gymnasium's registry knows it: `MyEnv-v0` for `my_env:MyEnv-v0`.

    Raises:
        MachineLacks: a module, or one that it needs, is not installed.
        UsageError: a module's own code raises, or `env` names a module that is not among `imports`.
    """
    from lander_runtime.envs.imports import import_modules, without_module

    import_modules(imports)
    return without_module(env, imports) if isinstance(env, str) else env


def import_options(imports: Sequence[str]) -> list[str]:
    """The options that name `imports`, for a command to be pasted."""
    return [word for name in _listed(imports) for word in ("--import", name)]


def _listed(imports: Sequence[str]) -> Sequence[str]:
    return (imports,) if isinstance(imports, str) else imports
