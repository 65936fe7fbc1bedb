"""What every reader of this room returns, and the options that a user gives them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from torch import Tensor, nn

from lander_runtime.policy.metadata import Training
from lander_runtime.spec import Space
from lander_runtime.text import printable

_POSITION = re.compile(r"\.(?:\d|weight$|bias$)")
"""Where the name of a list of layers ends."""

BARE_STATE_DICT = "unknown (bare state dict)"
"""The algorithm of a state dict."""
GREEDY_LOG_STD = -20.0
"""Log deviation where the schema cannot express how a policy samples: a draw is the greedy action."""

GREEDY_ONLY = "the greedy action only"
"""What the file's settings say of it."""


@dataclass(frozen=True)
class PeerOptions:
    """What a file does not say and its user knows; None where nothing was said."""

    activation: str | None = None
    """Of the hidden layers: tanh, relu, elu or silu."""
    normalizer: str | None = None
    """A file with statistics of the observations, `checkpoint` for those in the file, or `none`."""
    normalizer_epsilon: float | None = None
    """Added to the variance (or to the deviation, where the library does so)."""
    normalizer_clip: float | None = None
    """Largest absolute value of a normalised observation."""
    pixel_scale: float | None = None
    """What observations are divided by."""
    squash: str | None = None
    """`tanh`: the outputs go through tanh and are rescaled to the bounds; `clip`: they are clipped to [-1, 1]
    and rescaled; `none`: they are clipped to the bounds."""

    @property
    def given(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [
            f"--{field.name.replace('_', '-')}"
            for field in fields(self)
            if getattr(self, field.name) is not None
        ]


@dataclass(frozen=True)
class PeerSpaces:
    """The environment that a policy is exported for: its id and its spaces."""

    env_id: str
    observation: Space
    action: Space


@dataclass(frozen=True)
class PeerPolicy:
    """A policy of another library."""

    actor: nn.Module
    """Observations as float32 `[batch, *obs_shape]` -> logits `[batch, n]`, or actions `[batch, k]`."""
    log_std: Tensor | None
    """`[k]`; None where actions are discrete."""
    training: Training
    notes: tuple[str, ...]
    """What was found, assumed and left out, in a few words each."""


def grouped(names: Iterable[str]) -> str:
    """`names` of tensors in short: `critic.* (6 tensors), log_std`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_POSITION.split(name, maxsplit=1)[0], []).append(name)
    shown = [
        members[0] if len(members) == 1 else f"{head}.* ({len(members)} tensors)"
        for head, members in groups.items()
    ]
    return ", ".join(printable(text) for text in shown)
