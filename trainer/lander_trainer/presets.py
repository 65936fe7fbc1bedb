"""Named settings for an environment, read from `presets/<env-id>.toml`.

`presets/any.toml` serves environments that have no file of their own.
"""

import tomllib
from importlib.resources import files

from lander_runtime.errors import UsageError
from lander_trainer.config import TrainConfig


def preset(env_id: str, name: str = "default") -> TrainConfig:
    """The settings called `name` for `env_id`.

    Raises:
        UsageError: no preset of that name; the message lists those there are.
    """
    folder = files("lander_trainer") / "presets"
    # The id may hold anything that a person can type; only a name that is listed becomes a path.
    listed = {entry.name for entry in folder.iterdir()}
    file = f"{env_id}.toml" if f"{env_id}.toml" in listed else "any.toml"
    tables = tomllib.loads((folder / file).read_text(encoding="utf-8"))
    if name not in tables:
        raise UsageError(f"{env_id} has no preset {name!r}; there are: {', '.join(tables)}.")
    return TrainConfig(env=env_id).with_values(tables[name])
