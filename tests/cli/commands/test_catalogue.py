"""`lander models`, `lander envs`, `lander settings`: what they list."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_rl import environments, models, settings

Lander = Callable[..., Any]


def test_models_lists_the_policies_that_ship(lander: Lander) -> None:
    outcome = lander("models")

    lines = outcome.out.splitlines()
    assert lines[0].split() == ["model", "environment", "claims", "file"]
    assert [line.split()[0] for line in lines[1:]] == [one.name for one in models()]
    assert Path(lines[-1].split()[-1]).is_file()
    assert outcome.next.startswith("lander eval ")


def test_models_as_json(lander: Lander) -> None:
    listed = json.loads(lander("models", "--json").out)

    assert listed["schema"] == "lander.models/1"
    assert [one["claimed_score"] for one in listed["models"]] == [one.claimed_score for one in models()]


def test_envs_lists_presets_with_scores_and_times(lander: Lander) -> None:
    outcome = lander("envs")

    (cartpole,) = [line for line in outcome.out.splitlines() if line.startswith("CartPole-v1")]
    assert "500.0 ± 0.0" in cartpole
    assert cartpole.endswith("13 s")
    assert len(outcome.out.splitlines()) == 1 + sum(len(one.presets) for one in environments())


def test_envs_as_json(lander: Lander) -> None:
    listed = json.loads(lander("envs", "--json").out)

    assert [one["id"] for one in listed["environments"]] == [one.id for one in environments()]
    assert listed["environments"][0]["presets"][0]["name"] == "default"


def test_settings_lists_all(lander: Lander) -> None:
    outcome = lander("settings")

    assert [line.split()[0] for line in outcome.out.splitlines()[1:]] == [one.name for one in settings()]


@pytest.mark.parametrize("name", ["gae_lambda", "n_steps", "ent_coef"])
def test_a_setting_by_our_name_or_theirs(lander: Lander, name: str) -> None:
    outcome = lander("settings", name)

    assert outcome.out.splitlines()[0].split() == ["setting", settings(name).name]
    assert f"Stable-Baselines3  {name}" in outcome.out


def test_a_setting_as_json(lander: Lander) -> None:
    (one,) = json.loads(lander("settings", "gamma", "--json").out)["settings"]

    assert (one["name"], one["default"], one["range"]) == ("gamma", 0.999, [0.0, 1.0])


def test_a_setting_that_there_is_not(lander: Lander) -> None:
    outcome = lander("settings", "gama")

    assert outcome.code == 2
    assert "Did you mean 'gamma'?" in outcome.message
