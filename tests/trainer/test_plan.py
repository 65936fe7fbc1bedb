"""What can be trained, and on which device; the rest is refused by name, before anything is written."""

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch

from lander_runtime.errors import LanderError, MachineLacks, UsageError
from lander_runtime.spec import Space
from lander_trainer import RunDirectory, TrainConfig, prepare, train
from lander_trainer.plan import choose_device
from trainer_environments import EchoEnv
from trainer_helpers import settings
from trainer_rollouts import config_of


class Whole(EchoEnv):
    action_space = gymnasium.spaces.Box(0, 3, (1,), np.int64)  # type: ignore[assignment]


class Nothing(EchoEnv):
    action_space = gymnasium.spaces.Box(-1, 1, (0,), np.float32)  # type: ignore[assignment]


class Many(EchoEnv):
    action_space = gymnasium.spaces.MultiDiscrete([[2, 3]])  # type: ignore[assignment]


class Switches(EchoEnv):
    action_space = gymnasium.spaces.MultiBinary(3)  # type: ignore[assignment]


class Named(EchoEnv):
    observation_space = gymnasium.spaces.Dict({"x": EchoEnv.observation_space})  # type: ignore[assignment]


class Pair(EchoEnv):
    observation_space = gymnasium.spaces.Tuple([EchoEnv.observation_space] * 2)  # type: ignore[assignment]


class Words(EchoEnv):
    observation_space = gymnasium.spaces.Box(0, 3, (4,), np.uint32)


class Picture(EchoEnv):
    observation_space = gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)


class Scalar(EchoEnv):
    observation_space = gymnasium.spaces.Box(0, 1, (), np.float32)


class Numbered(EchoEnv):
    observation_space = gymnasium.spaces.Discrete(4)  # type: ignore[assignment]


class FromOne(EchoEnv):
    action_space = gymnasium.spaces.Discrete(4, start=1)


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (Whole, r"actions of int64 \[1\]"),
        (Nothing, r"actions of float32 \[0\]"),
        (Many, "MultiDiscrete actions"),
        (Switches, "MultiBinary actions"),
        (Named, "Dict observations"),
        (Pair, "Tuple observations"),
        (Words, "observations of uint32"),
        (Picture, "images of 8 x 8 pixels, and 2 convolutions need 20 x 20"),
        (Scalar, r"observations of float32 \[\]; this trainer takes vectors, and images of uint8"),
        (Numbered, "Discrete observations"),
        (FromOne, "numbers its actions from 1"),
    ],
)
def test_environment_that_does_not_fit_is_refused_by_name(
    register: Callable[..., str], run: RunDirectory, cls: type[gymnasium.Env], reason: str
) -> None:
    env_id = register(cls, max_episode_steps=10)
    with pytest.raises(UsageError, match=f"{env_id}.*{reason}"):
        train(settings(env_id), run)
    assert list(run.path.iterdir()) == []


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [("LunarLander-v2", "LunarLander-v3"), ("LunarLandr-v3", "LunarLander"), ("Nothing-v0", "Nothing")],
)
def test_unknown_environment_is_refused_with_a_hint(env_id: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        prepare(TrainConfig(env=env_id))


@pytest.mark.parametrize("env_id", ["os:LunarLander-v3", "../../etc/passwd", ""])
def test_id_that_is_no_id_is_refused(env_id: str) -> None:
    with pytest.raises(LanderError):
        prepare(TrainConfig(env=env_id))


def test_wrong_environment_argument_is_refused(echo: str) -> None:
    with pytest.raises(UsageError, match="wind"):
        prepare(settings(echo, env_kwargs={"wind": True}))


def test_environment_arguments_reach_the_environment(register: Callable[..., str], run: RunDirectory) -> None:
    class Short(EchoEnv):
        lengths: ClassVar[list[int]] = []

        def __init__(self, length: int = 10, render_mode: str | None = None) -> None:
            super().__init__(render_mode)
            self.lengths.append(length)

    train(settings(register(Short, max_episode_steps=10), env_kwargs={"length": 3}, steps=64), run)
    assert set(Short.lengths) == {3}


class Bare(EchoEnv):
    """Written without a thought of drawing: takes no `render_mode`."""

    def __init__(self) -> None:
        super().__init__()


def test_environment_that_cannot_draw_can_be_trained(register: Callable[..., str], run: RunDirectory) -> None:
    assert train(settings(register(Bare, max_episode_steps=10)), run).progress.updates == 6


class Precise(EchoEnv):
    """Observations in NumPy's own float64, as many a home-made environment has them."""

    observation_space = gymnasium.spaces.Box(0, 1, (4,), np.float64)

    def _show(self) -> Any:
        return super()._show().astype(np.float64)


class Bytes(EchoEnv):
    """Observations in bytes, as Atari's RAM has them."""

    observation_space = gymnasium.spaces.Box(0, 255, (4,), np.uint8)

    def _show(self) -> Any:
        return super()._show().astype(np.uint8)


@pytest.mark.parametrize("cls", [Precise, Bytes])
def test_vectors_of_other_numbers_can_be_learned_from(
    register: Callable[..., str], run: RunDirectory, cls: type[gymnasium.Env]
) -> None:
    assert train(settings(register(cls, max_episode_steps=10)), run).progress.updates == 6


# Devices.


VECTOR, IMAGE = Space("Box", (2,), "float32"), Space("Box", (84, 84, 3), "uint8")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("values", "observation", "pays"),
    [
        ({}, VECTOR, False),
        ({"learner": "handwritten"}, VECTOR, False),
        ({"learner": "autograd"}, VECTOR, True),
        ({"activation": "elu"}, VECTOR, True),
        ({}, IMAGE, True),
        ({"device": "cpu"}, IMAGE, False),
    ],
    ids=str,
)
def test_auto_takes_cuda_for_what_the_handwritten_learner_cannot_do(
    values: dict[str, Any], observation: Space, pays: bool, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    config = config_of(**{"device": "auto", **values})
    assert choose_device(config, observation) == ("cuda" if there and pays else "cpu")


def test_cuda_that_is_not_there_is_refused(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MachineLacks, match="--device cpu"):
        prepare(settings(echo, device="cuda"))
