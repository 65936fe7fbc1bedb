"""Named settings for an environment, read from `preset_files/<env-id>.toml`.

`preset_files/any.toml` is for environments without a file. Where steps cost almost nothing, other settings
are best: so a preset may have a table `[NAME.native]`, whose settings replace its own when the simulator
trains.
"""

import json
import shlex
from dataclasses import replace
from typing import Any

from lander_runtime.errors import UsageError
from lander_runtime.spec import Space
from lander_trainer.config import CHANGES_NO_RESULT, TrainConfig
from lander_trainer.learners import choose_learner
from lander_trainer.settings.preset_tables import preset_tables


def preset(env_id: str, name: str = "default", backend: str | None = None) -> TrainConfig:
    """The settings called `name` for `env_id`.

    Args:
        env_id: Gymnasium's id.
        name: the preset.
        backend: becomes the setting `backend`; with `native` the preset's settings for the simulator hold.

    Raises:
        UsageError: there is no preset of that name; the message lists the presets.
    """
    tables = preset_tables(env_id)
    if name not in tables:
        raise UsageError(f"{env_id} has no preset {name!r}; there are: {', '.join(tables)}.")
    table = tables[name]
    on_backend = {} if backend is None else {"backend": backend}
    native = table.native if backend == "native" else {}
    return TrainConfig(env=env_id).with_values({**table.settings, **native, **on_backend})


def training_command(
    config: TrainConfig, observation: Space | None = None, *, last_weights: bool = False
) -> str:
    """The shortest `lander train` command that trains with `config`, starting from a preset.

    Args:
        config: the settings.
        observation: the environment's observation space, which decides the meaning of `learner=auto`. Without
            it, the command names the learner of `config`.
        last_weights: whether the command only needs to reproduce the last weights. These do not depend on
            selections, so those settings are left to the preset.
    """
    free = (*CHANGES_NO_RESULT, *(("selections", "selection_episodes") if last_weights else ()))
    if observation is not None and config.device != "auto":
        chosen = choose_learner(replace(config, learner="auto"), observation)
        free = (*free, "learner") if chosen == config.learner else free
    commands = [_command_from(name, config, free) for name in preset_tables(config.env)]
    return min(commands, key=len)


def _command_from(name: str, config: TrainConfig, free: tuple[str, ...]) -> str:
    base, wanted = preset(config.env, name, config.backend).to_dict(), config.to_dict()
    # What the command does without `--backend`.
    base["backend"] = preset(config.env, name).backend
    for setting in free:
        wanted[setting] = base.get(setting)
    words = ["lander", "train", config.env, *(["--preset", name] if name != "default" else [])]
    for key in (key for key in {**base, **wanted} if base.get(key) != wanted.get(key)):
        text = _as_text(wanted.get(key))
        words += [f"--{key}", text] if key in _OPTIONS else ["--set", f"{key}={text}"]
    return shlex.join(words)


_OPTIONS = ("steps", "seed", "backend", "device", "init")
"""Settings that have an option of their own beside `--set`."""


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, int) for item in value) and value:
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
