"""Building an environment from its recipe, an `EnvSpec`.

making.py    completes a recipe, and builds the environment from it
registry.py  Gymnasium's registry entry of an id
imports.py   modules that the user names because they register environments
spaces.py    observation and action space as plain data
quick.py     quicker stand-ins for what known environments call at every step
faults.py    what goes wrong in an environment's own code
wrapping.py  wrappers as people write them
wrappers.py  our own wrappers that a recipe may name
wrapper_limits.py  what a recipe's wrappers may ask for
known/       names, units and outcomes of particular environments, and settings of packages such as vizdoom

Names are imported on first use, so that using `known` does not load Gymnasium.
"""

from typing import TYPE_CHECKING

from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_runtime.envs.imports import import_modules, imported_modules, without_module
    from lander_runtime.envs.making import WRAPPERS, check_kwargs, make, recipe_of, resolve, try_out
    from lander_runtime.envs.registry import (
        Registration,
        adopt,
        check_importable,
        is_importable,
        newer_version,
        registered,
        registered_by_user,
    )
    from lander_runtime.envs.spaces import declared_dtype, describe_spaces, is_discrete
    from lander_runtime.envs.wrapping import read_wrap, wrap_in_words, wrappers_from_tables

__all__ = [
    "WRAPPERS",
    "Registration",
    "adopt",
    "check_importable",
    "check_kwargs",
    "declared_dtype",
    "describe_spaces",
    "import_modules",
    "imported_modules",
    "is_discrete",
    "is_importable",
    "make",
    "newer_version",
    "read_wrap",
    "recipe_of",
    "registered",
    "registered_by_user",
    "resolve",
    "try_out",
    "without_module",
    "wrap_in_words",
    "wrappers_from_tables",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_runtime.envs.imports": ("import_modules", "imported_modules", "without_module"),
        "lander_runtime.envs.making": ("WRAPPERS", "check_kwargs", "make", "recipe_of", "resolve", "try_out"),
        "lander_runtime.envs.registry": (
            "Registration",
            "adopt",
            "check_importable",
            "is_importable",
            "newer_version",
            "registered",
            "registered_by_user",
        ),
        "lander_runtime.envs.wrapping": ("read_wrap", "wrap_in_words", "wrappers_from_tables"),
        "lander_runtime.envs.spaces": ("declared_dtype", "describe_spaces", "is_discrete"),
    },
)
