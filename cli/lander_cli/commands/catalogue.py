"""`lander models`, `lander envs`, `lander settings`: tables of what there is."""

from dataclasses import asdict
from typing import Annotated, Any

from lander_cli.arguments import options as given
from lander_cli.arguments.training_options import SettingName
from lander_cli.terminal.console import out, print_json, print_next, print_rows


def models_command(as_json: Annotated[bool, given.json_flag("lander.models/1")] = False) -> None:
    """List the policies that ship, with the scores that their files claim."""
    from lander_rl.catalogue.models import models

    found = models()
    if as_json:
        listed = [
            {"name": one.name, "env": one.env, "path": str(one.path), "claimed_score": one.claimed_score}
            for one in found
        ]
        print_json({"schema": "lander.models/1", "models": listed})
        return
    _print_table(found)
    if found:
        print_next("lander", "eval", found[-1].path, "--episodes", "10")


def envs_command(as_json: Annotated[bool, given.json_flag("lander.environments/1")] = False) -> None:
    """List the environments with presets, and the scores and times of trainings with them."""
    from lander_rl.catalogue.environments import environments

    found = environments()
    if as_json:
        print_json({"schema": "lander.environments/1", "environments": [asdict(one) for one in found]})
        return
    _print_table(found)
    print_next("lander", "train", "CartPole-v1")


def settings_command(
    name: SettingName = None, as_json: Annotated[bool, given.json_flag("lander.settings/1")] = False
) -> None:
    """Explain a setting of lander train, or list all; Stable-Baselines3's names are understood."""
    from lander_rl.catalogue.settings import settings

    found = settings() if name is None else (settings(name),)
    if as_json:
        print_json({"schema": "lander.settings/1", "settings": [asdict(one) for one in found]})
    elif name is None:
        _print_table(found)
        print_next("lander", "settings", "gamma")
    else:
        print_rows(found[0].rows())
        print_next("lander", "train")


def _print_table(listing: Any) -> None:
    out().print(repr(listing), markup=False)
