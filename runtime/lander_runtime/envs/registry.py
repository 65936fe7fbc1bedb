"""Gymnasium's registry: the entry of an id, its newest version, and whether workers can import its code."""

import contextlib
import difflib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import gymnasium

from lander_runtime.envs.imports import import_modules, imported_modules
from lander_runtime.envs.known import family_of, known_ids
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.spec import EnvSpec


@contextlib.contextmanager
def blamed_on_file(spec: EnvSpec) -> Iterator[None]:
    """Inside, what is wrong with a recipe is an argument's fault if a person typed it, and else the file's.

    Raises:
        InputRefused: in place of a UsageError about a recipe from a file.
    """
    try:
        yield
    except UsageError as error:
        if spec.origin is None:
            raise
        raise InputRefused(f"{spec.origin}: {error}") from error


def registered(env_id: str) -> Any:
    """Gymnasium's registry entry of an id; the package of a family is imported first, to register it.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
        MachineLacks: the package that the id belongs to is missing.
    """
    family = family_of(env_id)
    if family is not None:
        try:
            import_module(family.module)
        except ImportError as error:
            raise MachineLacks(
                f"{env_id} needs a package that is missing ({error}). "
                f"Type: pip install 'lander-rl[{family.extra}]'"
            ) from error
    with warnings.catch_warnings():
        # The warning (a replaced version) is raised below as an error of our own.
        warnings.simplefilter("ignore")
        try:
            return gymnasium.spec(env_id)
        except gymnasium.error.DeprecatedEnv as error:
            newest = _newest_version(env_id)
            raise UsageError(
                f"Gymnasium replaced {env_id} by {newest}; scores of the two do not compare. Use {newest}."
            ) from error
        except gymnasium.error.Error as error:
            raise UsageError(f"Gymnasium does not know {env_id!r}. {_unknown_hint(env_id)}") from error


def registered_by_user(env_id: str) -> bool:
    """Whether a module registers it that the user has to import: not Gymnasium, nor a package known here."""
    if family_of(env_id) is not None:
        return False
    entry = registered(env_id).entry_point
    module = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    return not module.startswith("gymnasium.")


_PACKAGES = {"ALE": "ale_py", "bsuite": "shimmy", "dm_control": "shimmy"}
"""Modules that register ids with these words before the slash."""


def _unknown_hint(env_id: str) -> str:
    """What to type for an id that is not registered."""
    # Those that something is known about come first, whatever a package has registered beside them.
    ids = dict.fromkeys((*sorted(known_ids()), *sorted(gymnasium.registry)))
    names = {known.lower(): known for known in ids}
    typed = env_id.lower()
    # `Doom` is part of a name and not like one.
    near = difflib.get_close_matches(typed, names, 1) or [name for name in names if typed in name]
    meant = f"Did you mean {names[near[0]]}? " if near else ""
    module = _PACKAGES.get(env_id.partition("/")[0], "MODULE")
    return f"{meant}Where a module of yours or of a package registers it, add: --import {module}"


def newer_version(env_id: str) -> str | None:
    """The id of a newer version of `env_id`, or None; the old one may still work.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    newest = _newest_version(registered(env_id).id)
    return None if newest == env_id else newest


@dataclass(frozen=True)
class Registration:
    """What another process needs to know an environment that is registered here. It can be pickled."""

    entry: Any
    """Gymnasium's registry entry."""
    modules: tuple[str, ...]
    """What the user had imported in this process."""

    @classmethod
    def of(cls, env_id: str) -> "Registration":
        """The registration of an id in this process; raises like `registered`."""
        return cls(registered(env_id), imported_modules())

    def adopt(self) -> None:
        """Make the same known in this process.

        Raises:
            MachineLacks: a module is not there.
            UsageError: a module's own code raises.
        """
        import_modules(self.modules)
        adopt(self.entry)


def adopt(entry: Any) -> None:
    """Register an environment here that is registered in another process; `entry` is its registry entry."""
    family = family_of(entry.id)
    if family is not None:
        # First the package registers it here: Gymnasium would complain if the entry already existed.
        registered(entry.id)
    elif isinstance(entry.entry_point, str):
        # As above, for a module that registers its own. If it is missing, making the environment raises.
        with contextlib.suppress(ImportError):
            import_module(entry.entry_point.partition(":")[0])
    # This may overwrite one of Gymnasium's own entries: the other process may have replaced it.
    gymnasium.registry[entry.id] = entry


def is_importable(spec: EnvSpec) -> bool:
    """Whether another process can make `spec`: its code must be in a module, not in the running script.

    Raises:
        UsageError: Gymnasium does not know the id, or has replaced that version.
    """
    with blamed_on_file(spec):
        entry_point = registered(spec.id).entry_point
    return isinstance(entry_point, str) and not entry_point.startswith("__main__:")


def check_importable(spec: EnvSpec) -> None:
    """Refuse an environment whose code is only in the running script.

    An entry point that is a class may not be importable elsewhere; pickling will tell.

    Raises:
        UsageError: another process cannot make `spec`.
    """
    with blamed_on_file(spec):
        entry_point = registered(spec.id).entry_point
    if isinstance(entry_point, str) and entry_point.startswith("__main__:"):
        raise UsageError(
            f"A worker process cannot import {spec.id}: its code is in the running script. Move it to a "
            "module of its own, or use one process."
        )


def _newest_version(env_id: str) -> str:
    """The newest of the ids that differ from `env_id` in the version only, itself included."""
    name = env_id.rsplit("-v", 1)[0]
    versions = [
        spec.version
        for spec in gymnasium.registry.values()
        if spec.version is not None and spec.id.rsplit("-v", 1)[0] == name
    ]
    return f"{name}-v{max(versions)}" if versions else env_id
