"""An environment as the options of a command, which is printed to be pasted.

Python's values go back into the words that `--env-arg` and `--wrap` read.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.importing import import_options

if TYPE_CHECKING:
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.spec import EnvSpec


def env_options(
    env: "EnvSpec | str | None",
    env_args: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
    imports: Sequence[str] = (),
    wrap: "Wrap | None" = None,
) -> list[str]:
    """The options of `lander eval` that name an environment, and `more`, for a command line."""
    arguments = dict(env_args or {})
    options = import_options(imports)
    if env is not None:
        options += ["--env", env if isinstance(env, str) else env.id]
        arguments = arguments if isinstance(env, str) else {**env.kwargs, **arguments}
    for name, value in arguments.items():
        options += ["--env-arg", f"{name}={_typed(value)}"]
    if wrap is not None:
        from lander_runtime.envs.wrapping import read_wrap, wrap_in_words

        options += ["--wrap", wrap_in_words(read_wrap(wrap))]
    return [*options, *more]


def _typed(value: Any) -> str:
    """A value as `--env-arg` reads it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    return value if _is_read_as_text(value) else json.dumps(value)


def _is_read_as_text(value: str) -> bool:
    text = value.strip()
    if value != text or text.lower() in ("true", "false", "none") or text.startswith('"'):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
