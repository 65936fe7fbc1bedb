"""What the JSON of a Stable-Baselines3 zip says in plain text. Its base64 pickles are never looked at.

Stable-Baselines3 writes what JSON cannot hold as a pickle, and beside it the text of each of its attributes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from lander_export.peers.peer import PeerSpaces
from lander_runtime.errors import InputRefused
from lander_runtime.json_data.fields import Fields
from lander_runtime.spec import Space, filled_bounds
from lander_runtime.text import printable, quoted

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        nn.Tanh, nn.ReLU, nn.ELU, nn.SiLU, nn.LeakyReLU, nn.GELU, nn.Sigmoid, nn.Softplus, nn.SELU, nn.Mish,
        nn.Identity,
    )
}  # fmt: skip
_ACTIVATION_TEXT = re.compile(r"<class 'torch\.nn\.modules\.(?:activation|linear)\.(\w+)'>")
_EXTRACTORS = re.compile(r"<class 'stable_baselines3\.common\.torch_layers\.(FlattenExtractor|NatureCNN)'>")
_CLASS_NAME = re.compile(r"<function (\w+)\.__init__ at ")
_KNOWN_KWARGS = frozenset(
    {
        *("net_arch", "activation_fn", "ortho_init", "optimizer_class", "optimizer_kwargs"),
        *("use_sde", "log_std_init", "full_std", "use_expln", "squash_output", "clip_mean", "sde_net_arch"),
        *("features_extractor_class", "features_extractor_kwargs", "share_features_extractor"),
        *("normalize_images", "n_critics", "n_quantiles"),
    }
)
_NUMBERS = re.compile(r"[-+]?(?:inf|\d+\.?\d*(?:e[-+]?\d+)?|\.\d+)")
_MARKERS = frozenset({":type:", ":serialized:"})

ON_POLICY = "stable_baselines3.common.policies"
_CLASSES = {
    ON_POLICY: ("ActorCriticPolicy", "ActorCriticCnnPolicy"),
    "stable_baselines3.dqn.policies": ("DQNPolicy", "CnnPolicy"),
    "stable_baselines3.sac.policies": ("SACPolicy", "CnnPolicy"),
    "stable_baselines3.td3.policies": ("TD3Policy", "CnnPolicy"),
    "sb3_contrib.qrdqn.policies": ("QRDQNPolicy", "CnnPolicy"),
    "sb3_contrib.tqc.policies": ("TQCPolicy", "CnnPolicy"),
}
_ALGORITHMS = {"dqn": "DQN", "sac": "SAC", "td3": "TD3", "qrdqn": "QR-DQN", "tqc": "TQC"}
_ON_POLICY_SIGNS = {"clip_range": "PPO", "cg_max_steps": "TRPO", "normalize_advantage": "A2C"}
"""Settings that only one of the algorithms with this policy has, the first that is found."""


@dataclass(frozen=True)
class Sb3Data:
    """The plain texts that matter, checked."""

    algorithm: str
    """PPO, A2C, TRPO, DQN, QR-DQN, SAC, TD3 or TQC."""
    policy: str
    """The policy's class."""
    activation: type[nn.Module]
    activation_is_usual: bool
    """Whether it is only the algorithm's usual one, of which the file says nothing."""
    squash: bool
    clip_mean: float
    normalize_images: bool
    gsde: bool
    behind_vecnormalize: bool | None
    """Whether it was trained behind VecNormalize; None where the file does not say."""
    observation_shape: tuple[int, ...] | None
    action_texts: Mapping[str, str]
    """Texts of the action space: low, high, n."""
    steps: int | None
    seed: int | None


def read_data(content: bytes, where: str) -> Sb3Data:
    """Read the member `data`.

    Raises:
        InputRefused: it is no JSON of Stable-Baselines3, or its policy is not one that is known here.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputRefused(f"{where}: not UTF-8.") from error
    data = Fields.parse(text, where).data
    module, policy = _policy_class(data, where)
    on_policy = module == ON_POLICY
    algorithm = _algorithm(data, module, where)
    kwargs = _plain(data.get("policy_kwargs"))
    unknown = sorted(set(kwargs) - _KNOWN_KWARGS)
    if unknown:
        raise InputRefused(f"{where}: policy_kwargs has {quoted(unknown[0])}, which is not known here.")
    extractor = kwargs.get("features_extractor_class")
    if extractor is not None and not _EXTRACTORS.fullmatch(str(extractor)):
        raise InputRefused(
            f"{where}: its features come from {quoted(str(extractor))}; known are FlattenExtractor and "
            "NatureCNN."
        )
    activation = kwargs.get("activation_fn")
    gsde = data.get("use_sde") is True
    return Sb3Data(
        algorithm=algorithm,
        policy=policy,
        activation=(nn.Tanh if on_policy else nn.ReLU)
        if activation is None
        else _activation(activation, where),
        activation_is_usual=activation is None,
        squash=algorithm in ("SAC", "TD3", "TQC") or (gsde and _truth(kwargs, "squash_output", False, where)),
        clip_mean=_clip_mean(kwargs, where),
        normalize_images=_truth(kwargs, "normalize_images", True, where),
        gsde=gsde,
        # Algorithms with a replay buffer keep the observation in either case.
        behind_vecnormalize=data.get("_last_original_obs") is not None if on_policy else None,
        observation_shape=_shape(_plain(data.get("observation_space"))),
        action_texts={key: str(value) for key, value in _plain(data.get("action_space")).items()},
        steps=_count(data, "num_timesteps"),
        seed=_count(data, "seed"),
    )


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
            f"{where}: was trained on {_seen(data.observation_shape)}; {spaces.env_id} has "
            f"{list(observation.shape)}.{_stacked(data.observation_shape, observation.shape)}"
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


def _seen(trained: tuple[int, ...]) -> str:
    return f"observations {list(trained)}" if trained else "a Discrete observation, which is not read"


def _stacked(trained: tuple[int, ...], here: tuple[int, ...]) -> str:
    """What to know where the observations could be several of the environment's, side by side."""
    last_here, last = (shape[-1] if shape else 0 for shape in (here, trained))
    if len(trained) != len(here) or not last_here or last <= last_here or last % last_here:
        return ""
    return f" Where VecFrameStack put {last // last_here} side by side: that is not read."


def _check_bound(text: str, name: str, bound: np.ndarray, env_id: str, where: str) -> None:
    """Squashed actions are rescaled to the bounds, so other ones would change every action."""
    if "..." in text:
        return
    told = np.array([float(number) for number in _NUMBERS.findall(text)[: bound.size + 1]])
    # numpy writes eight digits.
    if told.shape != bound.shape or not np.allclose(told, bound, rtol=1e-5, atol=1e-6):
        raise InputRefused(
            f"{where}: was trained with actions whose {name} is {printable(text[:80])}; {env_id} has "
            f"{bound.tolist()[:8]}."
        )


def _policy_class(data: Mapping[str, Any], where: str) -> tuple[str, str]:
    described = _plain(data.get("policy_class"))
    module = str(described.get("__module__", "nothing"))
    found = _CLASS_NAME.match(str(described.get("__init__", "")))
    policy = found[1] if found else ""
    if "recurrent" in module:
        raise InputRefused(
            f"{where}: a recurrent policy ({quoted(module)}), which has a memory; its weights are not read."
        )
    if policy not in _CLASSES.get(module, ()):
        raise InputRefused(
            f"{where}: its policy is {quoted(f'{module}.{policy}')}; known are the Mlp and Cnn policies of "
            "PPO, A2C, TRPO, DQN, QR-DQN, SAC, TD3 and TQC. Export it to ONNX with its library, and type: "
            "lander eval FILE.onnx --env ID"
        )
    return module, policy


def _algorithm(data: Mapping[str, Any], module: str, where: str) -> str:
    if module != ON_POLICY:
        return _ALGORITHMS[module.split(".")[1]]
    for sign, algorithm in _ON_POLICY_SIGNS.items():
        if sign in data:
            return algorithm
    raise InputRefused(f"{where}: an actor-critic policy of neither PPO, TRPO nor A2C.")


def _plain(value: Any) -> dict[str, Any]:
    """The entries that Stable-Baselines3 wrote as JSON or as text."""
    return {k: v for k, v in value.items() if k not in _MARKERS} if isinstance(value, dict) else {}


def _activation(text: Any, where: str) -> type[nn.Module]:
    found = _ACTIVATION_TEXT.fullmatch(str(text))
    if found is None or found[1] not in _ACTIVATIONS:
        raise InputRefused(
            f"{where}: the activation {quoted(str(text))} is not known; known are {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[found[1]]


def _truth(kwargs: Mapping[str, Any], key: str, usual: bool, where: str) -> bool:
    value = kwargs.get(key, usual)
    if not isinstance(value, bool):
        raise InputRefused(
            f"{where}: policy_kwargs.{key} should be true or false, found {quoted(str(value))}."
        )
    return value


def _clip_mean(kwargs: Mapping[str, Any], where: str) -> float:
    value = kwargs.get("clip_mean", 2.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        raise InputRefused(
            f"{where}: policy_kwargs.clip_mean should be a number, found {quoted(str(value))}."
        )
    return float(value)


def _shape(space: Mapping[str, Any]) -> tuple[int, ...] | None:
    shape = space.get("_shape")
    sizes = isinstance(shape, list) and all(type(size) is int for size in shape)
    return tuple(shape) if isinstance(shape, list) and sizes else None


def _count(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if type(value) is int and 0 <= value < 2**63 else None
