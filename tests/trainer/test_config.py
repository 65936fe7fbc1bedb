"""The settings of a run: every range, every way to write a value, and the way back from a file."""

import dataclasses
import json
import math
import pickle
import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_trainer import TrainConfig
from lander_trainer.settings.stable_baselines import our_name
from lander_trainer.settings.usual_names import USUAL_NAMES
from lander_trainer.settings.values import SettingRefused

INF = math.inf

# name: smallest and largest allowed, and what lies just outside where a number does.
RANGES = {
    "steps": (1, 10**12, 0, 10**12 + 1),
    "seed": (0, 2**31 - 1, -1, 2**31),
    "threads": (1, 1024, 0, 1025),
    "workers": (0, 1024, -1, 1025),
    "lanes": (1, 65_536, 0, 65_537),
    "rollout_steps": (2, 1_000_000, 1, 1_000_001),
    "epochs": (1, 1_000, 0, 1_001),
    "minibatches": (1, 1_000_000, 0, 1_000_001),
    "learning_rate": (1e-12, 10.0, 0.0, 10.1),
    "anneal_rate": (1e-6, 1.0, 0.0, 1.001),
    "epoch_decay": (1e-6, 1.0, 0.0, 1.001),
    "gamma": (0.0, 1.0, -0.001, 1.001),
    "gae_lambda": (0.0, 1.0, -0.001, 1.001),
    "level_replay": (0.0, 0.9, -0.001, 0.901),
    "clip_range": (1e-6, 10.0, 0.0, 10.1),
    "entropy_coef": (0.0, 10.0, -0.1, 10.1),
    "value_coef": (0.0, 100.0, -0.1, 100.1),
    "max_grad_norm": (1e-6, 1e6, 0.0, 1.1e6),
    "target_kl": (1e-9, 100.0, 0.0, 100.1),
    "reward_scale": (1e-9, 1e9, 0.0, 1.1e9),
    "adam_epsilon": (1e-16, 1.0, 0.0, 1.1),
    "selection_episodes": (0, 50_000, -1, 50_001),
    "selections": (1, 10_000, 0, 10_001),
    "checkpoint_seconds": (0.1, 1e9, 0.0, 1.1e9),
    "target_score": (-1e12, 1e12, -1.1e12, 1.1e12),
    "time_limit": (1.0, 1e9, 0.9, 1.1e9),
}

# Large enough for any number of minibatches.
ROOMY = TrainConfig(lanes=1000, rollout_steps=1000)


def test_every_number_has_a_range() -> None:
    numbers = {f.name for f in dataclasses.fields(TrainConfig) if f.type in (int, float, float | None)}
    assert set(RANGES) == numbers


@pytest.mark.parametrize(("name", "bad"), [(n, bad) for n, row in RANGES.items() for bad in row[2:]])
def test_out_of_range_is_refused_by_name(name: str, bad: float) -> None:
    with pytest.raises(UsageError, match=rf"{name} is {bad}; it must lie in"):
        dataclasses.replace(ROOMY, **{name: bad})


@pytest.mark.parametrize(("name", "good"), [(n, good) for n, row in RANGES.items() for good in row[:2]])
def test_ends_of_the_range_are_allowed(name: str, good: float) -> None:
    roomy = dataclasses.replace(ROOMY, minibatches=1) if name in ("lanes", "rollout_steps") else ROOMY
    assert getattr(dataclasses.replace(roomy, **{name: good}), name) == good


@pytest.mark.parametrize("name", [n for n, row in RANGES.items() if isinstance(row[0], float)])
@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
def test_numbers_must_be_finite(name: str, bad: float) -> None:
    with pytest.raises(UsageError, match=name):
        TrainConfig().with_values({name: bad})


@pytest.mark.parametrize(
    ("name", "bad", "choices"),
    [
        ("backend", "sync", "auto, gymnasium, envpool, native"),
        ("device", "tpu", "auto, cpu, cuda"),
        ("learner", "jax", "auto, compiled, handwritten, autograd"),
        ("anneal", "cosine", "none, linear, exponential"),
        ("activation", "gelu", "tanh, relu, elu, silu"),
    ],
)
def test_unknown_word_lists_the_known_ones(name: str, bad: str, choices: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} is '{bad}'; choose from {choices}"):
        TrainConfig().with_values({name: bad})


@pytest.mark.parametrize("bad", [(), (0,), (64, -1)])
def test_hidden_layers_need_widths(bad: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="hidden_sizes"):
        TrainConfig(hidden_sizes=bad)


def test_more_minibatches_than_rows_are_refused() -> None:
    assert TrainConfig(lanes=2, rollout_steps=4, minibatches=8).minibatches == 8
    with pytest.raises(UsageError, match="9 minibatches of a rollout of 2 x 4 steps"):
        TrainConfig(lanes=2, rollout_steps=4, minibatches=9)


@pytest.mark.parametrize(
    ("steps", "updates"),
    [(1, 1), (4096, 1), (4097, 2), (1_000_000, 245)],  # 245 * 4096 = 1,003,520
)
def test_updates_are_rounded_up(steps: int, updates: int) -> None:
    assert TrainConfig(steps=steps, lanes=64, rollout_steps=64).updates == updates


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().gamma = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("steps=1e6", "steps", 1_000_000),
        ("steps=1_000_000", "steps", 1_000_000),
        ("steps=250000", "steps", 250_000),
        ("steps=2.5e3", "steps", 2_500),
        (" gamma = 0.99 ", "gamma", 0.99),
        ("learning_rate=3e-4", "learning_rate", 3e-4),
        ("entropy_coef=0", "entropy_coef", 0.0),
        ("gae=off", "gae", False),
        ("gae=True", "gae", True),
        ("clip_value=yes", "clip_value", True),
        ("clip_value=false", "clip_value", False),
        ("hidden_sizes=64,64", "hidden_sizes", (64, 64)),
        ("hidden_sizes=64x32x16", "hidden_sizes", (64, 32, 16)),
        ("hidden_sizes=[128, 128]", "hidden_sizes", (128, 128)),
        ("hidden_sizes=256", "hidden_sizes", (256,)),
        ("target_kl=0.02", "target_kl", 0.02),
        ("activation=relu", "activation", "relu"),
        ("env=CartPole-v1", "env", "CartPole-v1"),
    ],
)
def test_assignment(assignment: str, name: str, value: object) -> None:
    found = getattr(TrainConfig().with_assignments([assignment]), name)
    assert (found, type(found)) == (value, type(value))


def test_target_kl_can_be_switched_off() -> None:
    assert TrainConfig(target_kl=0.02).with_assignments(["target_kl=none"]).target_kl is None


def test_assignments_go_together_and_the_last_one_counts() -> None:
    config = TrainConfig().with_assignments(["gamma=0.5", "lanes=8", "gamma=0.75"])
    assert (config.gamma, config.lanes) == (0.75, 8)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("steps=many", "expected a whole number"),
        ("steps=1.5", "expected a whole number"),
        ("steps=inf", "expected a whole number"),
        ("steps=nan", "expected a whole number"),
        ("steps=", "expected a whole number"),
        ("gamma=high", "expected a number"),
        ("gae=maybe", "expected true or false"),
        ("gae=2", "expected true or false"),
        ("hidden_sizes=64,", "expected whole numbers such as 64,64"),
        ("hidden_sizes=wide", "expected whole numbers such as 64,64"),
        ("target_kl=tiny", "expected a number or none"),
        ("env_kwargs=gravity", "expected a table of plain values"),
        ("gamma", "not of the form key=value"),
        ("", "not of the form key=value"),
    ],
)
def test_assignment_that_does_not_fit(assignment: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        TrainConfig().with_assignments([assignment])


@pytest.mark.parametrize(
    "values",
    [
        {"steps": True},
        {"steps": 1.5},
        {"steps": [1]},
        {"gamma": [0.9]},
        {"gamma": True},
        {"gae": 1},
        {"hidden_sizes": 64},
        {"hidden_sizes": [64, True]},
        {"env": 5},
        {"env_kwargs": "gravity"},
    ],
    ids=str,
)
def test_value_of_the_wrong_type_is_refused_by_name(values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        TrainConfig().with_values(values)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("learning_rat", "learning_rate"),
        ("gama", "gamma"),
        ("hiden_sizes", "hidden_sizes"),
        ("lane", "lanes"),
    ],
)
def test_near_miss_is_suggested(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"no setting '{typed}'. Did you mean '{meant}'\?"):
        TrainConfig().with_assignments([f"{typed}=1"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr", "learning_rate"), ("bs", "minibatches', how many a rollout is cut into"),
        ("ent", "entropy_coef"),
        ("clip", "clip_range"), ("n_envs", "lanes"), ("num_envs", "lanes"), ("total_timesteps", "steps"),
        ("timesteps", "steps"), ("lam", "gae_lambda"), ("num_steps", "rollout_steps"),
    ],
)  # fmt: skip
def test_names_of_other_libraries_are_known(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"'{typed}'.* Here it is '{meant}"):
        TrainConfig().with_assignments([f"{typed}=1"])


def test_a_name_of_other_libraries_is_none_of_ours_and_leads_to_one() -> None:
    ours = TrainConfig().__dataclass_fields__.keys()
    assert USUAL_NAMES.keys().isdisjoint(ours)
    assert set(USUAL_NAMES.values()) <= ours
    assert [name for name in USUAL_NAMES if our_name(name) is not None] == []


def test_a_refused_value_survives_the_way_from_a_worker_process() -> None:
    with pytest.raises(SettingRefused) as refused:
        TrainConfig(seed=-1)
    again = pickle.loads(pickle.dumps(refused.value))
    assert again.args == refused.value.args
    assert str(again) == "seed is -1; it must lie in [0, 2_147_483_647]."


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("lanes=10k", "expected a whole number, such as 10_000 or 1e4."),
        ("learning_rate=3e", "expected a number, such as 0.5 or 1e-4."),
        ("max_episode_steps=1k", "expected a whole number or none, such as 10_000 or 1e4."),
        ("learning_rate=0", "must lie in [1e-12, 10]."),
        ("steps=0", "must lie in [1, 1_000_000_000_000]."),
    ],
)
def test_what_fits_is_shown(assignment: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        TrainConfig().with_assignments([assignment])
    assert str(refused.value).endswith(told)


def test_name_that_is_near_nothing_says_where_all_are_listed() -> None:
    with pytest.raises(UsageError, match=r"no setting 'zzz'\. To see all, type: lander settings"):
        TrainConfig().with_assignments(["zzz=1"])


@pytest.mark.parametrize("name", ["__class__", "updates", "with_values", "to_dict"])
def test_only_settings_can_be_set(name: str) -> None:
    with pytest.raises(UsageError, match="no setting"):
        TrainConfig().with_values({name: 1})


def test_settings_without_a_value_are_left_out_of_the_file() -> None:
    assert "target_kl" not in TrainConfig().to_dict()
    assert TrainConfig(target_kl=0.5).to_dict()["target_kl"] == 0.5


def _number(name: str) -> st.SearchStrategy[float]:
    low, high = RANGES[name][:2]
    return st.integers(low, high) if isinstance(low, int) else st.floats(low, high)


configs = st.builds(
    TrainConfig,
    env=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    backend=st.sampled_from(["auto", "gymnasium", "envpool", "native"]),
    device=st.sampled_from(["auto", "cpu", "cuda"]),
    anneal=st.sampled_from(["none", "linear", "exponential"]),
    gae=st.booleans(),
    normalize_advantages=st.booleans(),
    clip_value=st.booleans(),
    hidden_sizes=st.lists(st.integers(1, 512), min_size=1, max_size=4).map(tuple),
    activation=st.sampled_from(["tanh", "relu", "elu", "silu"]),
    env_kwargs=st.dictionaries(
        st.text("abc_", min_size=1),
        st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text("abc"),
        max_size=3,
    ),
    **{
        name: st.none() | _number(name) if name == "target_kl" else _number(name)
        for name in RANGES
        if name not in ("lanes", "rollout_steps", "minibatches")
    },
)


@settings(max_examples=60, deadline=None)
@given(configs)
def test_config_survives_its_file(config: TrainConfig) -> None:
    written = tomli_w.dumps(config.to_dict())
    assert TrainConfig().with_values(tomllib.loads(written)) == config


@settings(max_examples=60, deadline=None)
@given(configs)
def test_config_survives_the_command_line(config: TrainConfig) -> None:
    plain = {name: value for name, value in config.to_dict().items() if name not in ("env", "env_kwargs")}
    typed = [f"{name}={value}" for name, value in plain.items()]
    again = TrainConfig(env=config.env, env_kwargs=config.env_kwargs).with_assignments(typed)
    assert again == config


# Wrappers


STACK = {"name": "FrameStackObservation", "kwargs": {"stack_size": 2}}


@pytest.mark.parametrize(
    "table",
    [[STACK], json.dumps([STACK]), (WrapperSpec("FrameStackObservation", {"stack_size": 2}),)],
    ids=["toml", "json", "python"],
)
def test_wrappers_are_read_from_tables_and_written_as_such(table: Any) -> None:
    config = TrainConfig().with_values({"env_wrappers": table})
    assert config.env_wrappers == (WrapperSpec("FrameStackObservation", {"stack_size": 2}),)
    assert config.to_dict()["env_wrappers"] == [STACK]
    assert TrainConfig().with_values(config.to_dict()) == config


def test_no_wrappers_and_those_of_the_environment_are_two_things() -> None:
    assert TrainConfig().with_assignments(["env_wrappers=[]"]).env_wrappers == ()
    assert TrainConfig().with_assignments(["env_wrappers=none"]).env_wrappers is None
    assert "env_wrappers" not in TrainConfig().to_dict()


@pytest.mark.parametrize(
    "text", ["FrameStack", "{}", '["FrameStack"]', '[{"kwargs": {}}]', "3", '[{"name": "A", "kwargs": 3}]']
)
def test_wrappers_of_the_wrong_type_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a list of tables with name and kwargs"):
        TrainConfig().with_assignments([f"env_wrappers={text}"])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("n_steps", "rollout_steps"),
        ("ent_coef", "entropy_coef"),
        ("batch_size", "minibatches"),
        ("n_envs", "lanes"),
        ("total_timesteps", "steps"),
        ("net_arch", "hidden_sizes"),
        ("vf_coef", "value_coef"),
        ("clip_range_vf", "clip_value"),
    ],
)
def test_a_setting_by_stable_baselines_name_is_answered_with_ours(theirs: str, ours: str) -> None:
    with pytest.raises(UsageError, match=f"Here it is '{ours}'"):
        TrainConfig().with_values({theirs: "1"})
