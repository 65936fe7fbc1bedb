"""Modules that the user names because they register environments, such as `--import ale_py`.

Only a person's word gets here: nothing that stands in a file is ever imported. What was imported is noted, so
that worker processes import it too.
"""

import contextlib
import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.text import escaped, first_line

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

_IMPORTED: dict[str, None] = {}
"""Names in the order of their imports. Of the whole process, as Python's own record of modules is."""


def import_modules(names: Sequence[str], option: str = "--import") -> None:
    """Import modules by their names, in order, also from the current folder.

    What a module prints goes to stderr. Errors name `option`, which the person has typed.

    Raises:
        MachineLacks: a module, or one that it needs, is not installed.
        UsageError: a name is no module's name, or the module's own code raises.
    """
    for name in (names,) if isinstance(names, str) else names:
        if not _MODULE.fullmatch(name) or name.endswith(".py"):
            hint = f" Type: {option} {name[:-3]}" if _MODULE.fullmatch(name) else ""
            raise UsageError(f"{option} takes the name of a module such as my_env, found {name!r}.{hint}")
        _import(name, option)
        _IMPORTED[name] = None


def imported_modules() -> tuple[str, ...]:
    """The modules that `import_modules` has imported in this process."""
    return tuple(_IMPORTED)


def without_module(env_id: str, imports: Sequence[str]) -> str:
    """`MyEnv-v0` of `my_env:MyEnv-v0`, as Gymnasium writes ids; other ids stay as they are.

    Args:
        env_id: what a person has typed, never what stands in a file.
        imports: the modules that the same person has named.

    Raises:
        UsageError: the id's module is not one of `imports`.
    """
    module, colon, name = env_id.rpartition(":")
    if not colon or module in ((imports,) if isinstance(imports, str) else imports):
        return name
    raise UsageError(
        f"{env_id!r} names a module to import, which takes a word of its own. "
        f"Add: --import {module or 'MODULE'}"
    )


def _import(name: str, option: str) -> None:
    folder = str(Path.cwd())
    try:
        # Results go to stdout, and nothing else may.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                if not _is_part_of(error.name, name) or folder in sys.path:
                    raise
                # Last, so that no file in this folder takes the place of a package.
                sys.path.append(folder)
                importlib.invalidate_caches()
                importlib.import_module(name)
    except ModuleNotFoundError as error:
        if _is_part_of(error.name, name):
            raise MachineLacks(
                f"{option} {name}: there is no such module, neither installed nor in this folder. Look at "
                "the name, or install its package with pip."
            ) from error
        raise MachineLacks(
            f"{option} {name} needs the module {escaped(str(error.name))[:200]}, which is not installed."
        ) from error
    except (Exception, SystemExit) as error:  # A stranger's code may raise anything.
        reason = f" ({first_line(error)})" if str(error).strip() else ""
        raise UsageError(f"{option} {name}: its own code raised {type(error).__name__}{reason}.") from error


def _is_part_of(missing: str | None, name: str) -> bool:
    """Whether what is missing is the module `name` itself, or a package that it is in."""
    return missing is not None and f"{name}.".startswith(f"{missing}.")
