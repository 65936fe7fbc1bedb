"""Whether the spaces that a Stable-Baselines3 zip tells of are those of the environment."""

import re

import numpy as np

from lander_export.peers.peer import PeerSpaces
from lander_export.peers.sb3_data import Sb3Data
from lander_runtime.errors import InputRefused
from lander_runtime.spec import Space, filled_bounds

_NUMBERS = re.compile(r"[-+]?(?:inf|\d+\.?\d*(?:e[-+]?\d+)?|\.\d+)")


def is_picture(observation: Space) -> bool:
    """Whether Stable-Baselines3 takes it for an image (`common.preprocessing.is_image_space`)."""
    low, high = filled_bounds(observation)
    return (
        observation.dtype == "uint8"
        and len(observation.shape) == 3
        and bool(np.all(low == 0))
        and bool(np.all(high == 255))
    )


def is_transposed(data: Sb3Data, observation: Space) -> bool:
    """Whether Stable-Baselines3 put the channels of these pictures first (VecTransposeImage)."""
    if data.observation_shape is not None:
        return data.observation_shape != observation.shape
    return bool(np.argmin(observation.shape) != 0)


def check_spaces(data: Sb3Data, spaces: PeerSpaces, where: str) -> None:
    """Compare what the file says of its spaces with the environment's.

    Raises:
        InputRefused: they differ.
    """
    observation, action = spaces.observation, spaces.action
    fitting = [observation.shape]
    if is_picture(observation):
        fitting.append((observation.shape[2], *observation.shape[:2]))
    if data.observation_shape is not None and data.observation_shape not in fitting:
        raise InputRefused(
            f"{where}: was trained on observations {list(data.observation_shape)}; {spaces.env_id} has "
            f"{list(observation.shape)}."
        )
    discrete = "n" in data.action_texts
    if data.action_texts and discrete != (action.n is not None):
        raise InputRefused(
            f"{where}: has {'discrete' if discrete else 'continuous'} actions; {spaces.env_id} has "
            f"{'continuous' if discrete else 'discrete'} ones."
        )
    if data.algorithm in ("DQN", "QR-DQN") and action.n is None:
        raise InputRefused(f"{where}: {data.algorithm} has discrete actions; {spaces.env_id} has not.")
    if data.algorithm in ("SAC", "TD3", "TQC") and action.n is not None:
        raise InputRefused(f"{where}: {data.algorithm} has continuous actions; {spaces.env_id} has not.")
    if action.n is None:
        for name, bound in zip(("low", "high"), filled_bounds(action), strict=True):
            _check_bound(data.action_texts.get(name, "..."), name, bound.ravel(), spaces.env_id, where)


def _check_bound(text: str, name: str, bound: np.ndarray, env_id: str, where: str) -> None:
    """Squashed actions are rescaled to the bounds, so other ones would change every action."""
    if "..." in text:
        return
    told = np.array([float(number) for number in _NUMBERS.findall(text)[: bound.size + 1]])
    # numpy writes eight digits.
    if told.shape != bound.shape or not np.allclose(told, bound, rtol=1e-5, atol=1e-6):
        raise InputRefused(
            f"{where}: was trained with actions whose {name} is {text[:80]}; {env_id} has {bound.tolist()[:8]}."
        )
