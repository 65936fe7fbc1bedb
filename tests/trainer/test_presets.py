"""The presets, and the command that trains with given settings."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.errors import UsageError
from lander_runtime.spec import Space, WrapperSpec
from lander_trainer import TrainConfig, preset, training_command
from lander_trainer.settings.preset_tables import Measured, preset_environments, preset_tables
from trainer_learners import NAMES

NOTEBOOK = {
    "steps": 2_500_000,
    "lanes": 16,
    "rollout_steps": 1024,
    "minibatches": 64,
    "epochs": 4,
    "learning_rate": 0.003,
    "anneal": "linear",
    "epoch_decay": 0.9,
    "gamma": 0.999,
    "gae": True,
    "gae_lambda": 0.98,
    "clip_range": 0.2,
    "clip_value": True,
    "entropy_coef": 0.01,
    "target_kl": 0.015,
    "reward_scale": 1.0,
    "hidden_sizes": (128, 128),
    "activation": "tanh",
}


def test_notebook_is_the_notebook() -> None:
    config = preset("LunarLander-v3", "notebook")
    assert {name: getattr(config, name) for name in NOTEBOOK} == NOTEBOOK


def test_notebook_takes_153_updates_of_256_rows_a_minibatch() -> None:
    config = preset("LunarLander-v3", "notebook")
    # 2,500,000 / (16 * 1024) = 152.6
    assert config.updates == 153
    assert config.lanes * config.rollout_steps // config.minibatches == 256


def test_default_preset_needs_no_name() -> None:
    assert preset("LunarLander-v3") == preset("LunarLander-v3", "default")
    assert preset("LunarLander-v3").steps == 1_000_000


@pytest.mark.parametrize("name", ["default", "best"])
def test_simulator_has_settings_of_its_own(name: str) -> None:
    plain, native = (preset("LunarLander-v3", name, backend) for backend in ("gymnasium", "native"))
    assert (plain.backend, native.backend) == ("gymnasium", "native")
    assert (plain.selection_backend, native.selection_backend) == ("gymnasium", "native")
    table = preset_tables("LunarLander-v3")[name]
    assert native == plain.with_values({**table.native, "backend": "native"})
    assert plain == preset("LunarLander-v3", name).with_values({"backend": "gymnasium"})


def test_preset_without_a_table_for_the_simulator_is_the_same_there() -> None:
    plain, native = (preset("LunarLander-v3", "notebook", backend) for backend in ("auto", "native"))
    assert native == plain.with_values({"backend": "native"})


def test_environment_without_a_file_gets_the_general_one() -> None:
    assert preset("MountainCar-v0") == TrainConfig(env="MountainCar-v0", steps=500_000)


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="default, best, notebook"):
        preset("LunarLander-v3", "bets")


def test_preset_of_another_environment_is_not_offered() -> None:
    with pytest.raises(UsageError, match="there are: default"):
        preset("CartPole-v1", "notebook")


@pytest.mark.parametrize(
    "env_id", ["../../etc/passwd", "/etc/passwd", "..", "", "a\0b", "any/../LunarLander-v3"]
)
def test_id_is_never_used_as_a_path(env_id: str) -> None:
    config = preset(env_id)
    assert config == TrainConfig(env=env_id, steps=500_000)


def test_id_does_not_reach_a_file_outside(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[default]\nsteps = 7\n", encoding="utf-8")
    assert preset(str(tmp_path / "mine")).steps == 500_000


# training_command


def settings_of(command: str) -> TrainConfig:
    """What `command` trains with, read as `lander train` reads it: preset, then --set, then options."""
    program, verb, env, *rest = shlex.split(command)
    assert (program, verb) == ("lander", "train")
    options = list(zip(rest[::2], rest[1::2], strict=True))
    name = dict(options).get("--preset", "default")
    given = {key.removeprefix("--"): text for key, text in options if key not in ("--preset", "--set")}
    assert given.keys() <= {"steps", "seed", "backend", "device"}
    assignments = [text for key, text in options if key == "--set"]
    return preset(env, name, given.get("backend")).with_assignments(assignments).with_values(given)


@pytest.mark.parametrize(
    ("values", "command"),
    [
        ({}, "lander train LunarLander-v3"),
        ({"seed": 5}, "lander train LunarLander-v3 --seed 5"),
        (
            {"backend": "envpool", "gamma": 0.99},
            "lander train LunarLander-v3 --backend envpool --set gamma=0.99",
        ),
        (
            preset_tables("LunarLander-v3")["default"].native | {"backend": "native", "seed": 3},
            "lander train LunarLander-v3 --backend native --seed 3",
        ),
        ({"hidden_sizes": (32, 16)}, "lander train LunarLander-v3 --set hidden_sizes=32,16"),
        ({"gae": False, "target_kl": 0.5}, "lander train LunarLander-v3 --set gae=false --set target_kl=0.5"),
    ],
)
def test_command_names_what_differs_from_the_preset(values: dict[str, Any], command: str) -> None:
    found = training_command(preset("LunarLander-v3").with_values(values))
    assert sorted(shlex.split(found)) == sorted(shlex.split(command))


@pytest.mark.parametrize("name", ["default", "best", "notebook"])
def test_command_starts_from_the_nearest_preset(name: str) -> None:
    command = training_command(preset("LunarLander-v3", name).with_values({"seed": 7}))
    words = ["lander", "train", "LunarLander-v3", *(["--preset", name] if name != "default" else [])]
    assert shlex.split(command) == [*words, "--seed", "7"]


@settings(max_examples=40, deadline=None)
@given(
    env=st.sampled_from(["LunarLander-v3", "CartPole-v1", "ALE/Pong-ram-v5"]),
    name=st.sampled_from(["default", "best", "notebook"]),
    values=st.fixed_dictionaries(
        {},
        optional={
            "steps": st.integers(1, 10**12),
            "seed": st.integers(0, 2**31 - 1),
            "gamma": st.floats(0, 1),
            "learning_rate": st.floats(1e-12, 10),
            "clip_value": st.booleans(),
            "target_kl": st.none() | st.floats(1e-9, 100),
            "hidden_sizes": st.lists(st.integers(1, 999), min_size=1, max_size=3).map(tuple),
            "activation": st.sampled_from(["tanh", "relu"]),
            "channels": st.lists(st.integers(1, 99), min_size=1, max_size=3).map(tuple),
            "shaping": st.dictionaries(st.sampled_from(["bonus", "speed"]), st.integers(-3, 3)),
            "env_wrappers": st.sampled_from(
                [
                    None,
                    (),
                    (
                        WrapperSpec("TimeAwareObservation"),
                        WrapperSpec("FrameStackObservation", {"stack_size": 2}),
                    ),
                ]
            ),
            "device": st.sampled_from(["cpu", "cuda"]),
            "backend": st.sampled_from(["gymnasium", "native"]),
            "selection_backend": st.sampled_from(["gymnasium", "native"]),
        },
    ),
)
def test_command_trains_with_exactly_these_settings(env: str, name: str, values: dict[str, Any]) -> None:
    config = preset(env, name if env == "LunarLander-v3" else "default").with_values(values)
    assert settings_of(training_command(config)) == config


@pytest.mark.parametrize(
    ("observation", "learner", "named"),
    [
        (Space("Box", (8,), "float32"), NAMES[0], False),
        (Space("Box", (8,), "float32"), "autograd", True),
        (Space("Box", (40, 50), "uint8"), "autograd", False),
    ],
    ids=["vector by hand", "vector by autograd", "image"],
)
def test_command_names_a_learner_only_where_auto_means_another(
    observation: Space, learner: str, named: bool
) -> None:
    config = preset("LunarLander-v3").with_values({"device": "cpu", "learner": learner})
    assert ("learner" in training_command(config, observation)) is named


def test_command_keeps_the_environments_arguments() -> None:
    config = preset("LunarLander-v3").with_values({"env_kwargs": {"gravity": -5.0, "enable_wind": True}})
    assert settings_of(training_command(config)) == config


class TestMeasured:
    """Scores and times beside the presets agree with the pages that say on what machine and when."""

    DOCS = Path(__file__).parents[2] / "docs"

    def test_some_are_measured(self) -> None:
        assert sum(found.score is not None for _, found in self.measured()) >= 5
        assert sum(found.seconds is not None for _, found in self.measured()) >= 10

    def test_each_stands_in_the_documentation(self) -> None:
        text = (self.DOCS / "environments.md").read_text(encoding="utf-8")
        for env_id, found in self.measured():
            if found.score is not None:
                rows = [line for line in text.splitlines() if line.startswith(f"| {env_id} |")]
                [row] = [line for line in rows if f"{found.score:.1f} ± {found.std:.1f}" in line]
                assert row.endswith(f"| {found.episodes:,} |")

    def test_each_time_stands_in_the_documentation(self) -> None:
        pages = [
            (self.DOCS / name).read_text(encoding="utf-8").splitlines()
            for name in ("environments.md", "doom.md")
        ]
        for env_id, found in self.measured():
            if found.seconds is not None:
                rows = [line for page in pages for line in page if line.startswith("| ") and env_id in line]
                assert any(f"| {found.seconds:,} s" in line for line in rows), env_id

    @staticmethod
    def measured() -> list[tuple[str, Measured]]:
        return [
            (env_id, found)
            for env_id in preset_environments()
            for table in preset_tables(env_id).values()
            for found in (table.measured, table.native_measured)
            if found != Measured()
        ]
