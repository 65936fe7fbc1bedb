"""A policy's environment as plain data: the recipe to build it, and its two spaces.

Apart from `envs/`, which builds the environment from the recipe, so that reading a policy file does not
need gymnasium.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from lander_runtime.errors import InputRefused
from lander_runtime.json_data.fields import Fields, is_finite
from lander_runtime.text import LONGEST, quoted

# For `module:Name-v0` Gymnasium imports the module, which an untrusted file must not decide.
_ENV_ID = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*")

_NAMES_CODE = re.compile(
    r"(?:^|_)(?:class|cls|code|command|cwd|directory|entry_?points?|env_?(?:id|name)|exec|executable|files?|"
    r"filename|folder|fn|func|function|import|imports|library|lib|make|module|package|path|paths|plugin|script|"
    r"spec|url|uri|xml)(?:_|$)|^env$|^id$|wrappers?$|file$|path$"
)
"""Arguments that name code or files, by the words in their names: `entry_point`, `xml_file`, `env_id`.
Packages such as shimmy and MuJoCo's environments import or read what these say."""

_PLACE = re.compile(r"[/\\:]|\.\D|^\.|\.$")
"""In a text: the name of a file, or of a module."""

LARGEST_SPACE = 1 << 22
"""Numbers of an observation or action: a picture of 2048 x 2048. A batch of 32 has a hundred million."""

MOST_CHOICES = 1 << 20
"""Discrete actions, of all dimensions together."""

MOST_AXES = 16

MOST_WRAPPERS = 16

MOST_STEPS = 100_000_000
"""Steps of an episode that a file may ask for."""

DTYPES = ("float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64")
"""Of observations and actions that a policy file may name."""

Bounds = float | list[Any] | None
"""One number for all components, or a nested list of the space's shape; None means unbounded."""


@dataclass(frozen=True)
class WrapperSpec:
    """A wrapper by its class name (one of `envs.WRAPPERS`), with its keyword arguments."""

    name: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "kwargs": dict(self.kwargs)}


@dataclass(frozen=True)
class EnvSpec:
    """The recipe for one environment; `lander_runtime.envs.make` builds it.

    Raises:
        InputRefused: the id names a module, or an argument is not a boolean, number, string or None.
    """

    id: str
    """Gymnasium's id, such as `LunarLander-v3`."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`: booleans, numbers and strings."""

    wrappers: tuple[WrapperSpec, ...] = ()
    """Applied in this order, so the first one is innermost."""

    max_episode_steps: int | None = None
    """Steps after which an episode is truncated; None keeps Gymnasium's registered limit."""

    reward_threshold: float | None = None
    """An episode with this return or more is a success; None if the environment has no threshold."""

    origin: str | None = field(default=None, compare=False, repr=False)
    """The file that the recipe comes from, as errors call it; None for what a person has typed."""

    def __post_init__(self) -> None:
        if len(self.id) > LONGEST or not _ENV_ID.fullmatch(self.id):
            raise InputRefused(
                f"{quoted(self.id)} is not an environment id such as 'LunarLander-v3'; "
                "ids that name a module to import are not accepted."
            )
        for key, value in self.kwargs.items():
            if not isinstance(value, bool | int | float | str | None):
                raise InputRefused(
                    f"{self.id}: the argument {quoted(key)} must be a plain value, "
                    f"found {quoted(str(value))}."
                )
            _check_text(f"{self.id}: the argument {quoted(key)}", key, value)
        for wrapper in self.wrappers:
            _check_text(f"{self.id}: a wrapper", wrapper.name)
            for key, value in wrapper.kwargs.items():
                _check_text(f"{self.id}: {wrapper.name}: the argument {quoted(key)}", key, value)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kwargs": dict(self.kwargs),
            "wrappers": [wrapper.to_json() for wrapper in self.wrappers],
            "max_episode_steps": self.max_episode_steps,
            "reward_threshold": self.reward_threshold,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "EnvSpec":
        """The recipe that stands in a file.

        Raises:
            InputRefused: an entry is missing or malformed, an argument names a file or code, or a number is
                larger than any environment needs.
        """
        wrappers = [Fields(item, f"{fields.where}: wrappers") for item in fields.items("wrappers")]
        if len(wrappers) > MOST_WRAPPERS:
            raise InputRefused(
                f"{fields.where}: expected at most {MOST_WRAPPERS} wrappers, found {len(wrappers)}."
            )
        kwargs = fields.mapping("kwargs")
        _check_arguments(kwargs, fields.where)
        return cls(
            id=fields.text("id"),
            kwargs=kwargs,
            wrappers=tuple(WrapperSpec(w.text("name"), w.mapping("kwargs")) for w in wrappers),
            max_episode_steps=_positive(fields, "max_episode_steps", MOST_STEPS),
            reward_threshold=fields.optional_number("reward_threshold"),
            origin=fields.where,
        )


@dataclass(frozen=True)
class Component:
    """The name and unit of one component of an observation or action, or of one discrete action."""

    name: str
    unit: str = ""


@dataclass(frozen=True)
class Space:
    """An observation or action space: Gymnasium's Box, Discrete or MultiDiscrete as plain data."""

    type: Literal["Box", "Discrete", "MultiDiscrete"]
    shape: tuple[int, ...]
    dtype: str
    n: int | None = None
    """Number of actions of a Discrete space; None for others."""
    low: Bounds = None
    high: Bounds = None
    components: tuple[Component, ...] = ()
    """Names and units if the environment is known, else empty."""
    nvec: tuple[int, ...] = ()
    """Number of choices in each dimension of a MultiDiscrete space; empty for others."""

    @property
    def form(self) -> tuple[str, tuple[int, ...], str, int | None, tuple[int, ...]]:
        """What must be equal for a policy to fit; bounds and names may differ."""
        return self.type, self.shape, self.dtype, self.n, self.nvec

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the blocks of logits that stand side by side in a row; empty for a Box."""
        return self.nvec if self.n is None else (self.n,)

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "n": self.n,
            "low": self.low,
            "high": self.high,
            "components": [{"name": c.name, "unit": c.unit} for c in self.components],
            # Files of other spaces stay as they were.
            **({"nvec": list(self.nvec)} if self.nvec else {}),
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "Space":
        kind = fields.text("type")
        if kind not in ("Box", "Discrete", "MultiDiscrete"):
            raise InputRefused(
                f"{fields.where}: the space is a {quoted(kind)}; known are Box, Discrete and MultiDiscrete."
            )
        if kind == "Discrete" and _positive(fields, "n", MOST_CHOICES) is None:
            raise InputRefused(f"{fields.where}: a Discrete space needs a positive 'n'.")
        shape = _space_shape(fields)
        dtype = fields.text("dtype")
        if dtype not in DTYPES:
            raise InputRefused(f"{fields.where}: dtype {quoted(dtype)} is not one that policies use.")
        nvec = fields.shape("nvec") if kind == "MultiDiscrete" else ()
        if kind == "MultiDiscrete" and (not nvec or shape != (len(nvec),) or dtype != "int64"):
            raise fields.wrong("nvec", "a number of choices for each of the space's int64 numbers", [*nvec])
        if sum(nvec) > MOST_CHOICES:
            raise fields.wrong("nvec", f"at most {MOST_CHOICES:,} choices together", sum(nvec))
        components = [Fields(item, f"{fields.where}: components") for item in fields.items("components")]
        return cls(
            type=kind,
            shape=shape,
            dtype=dtype,
            n=None if kind == "MultiDiscrete" else fields.optional_integer("n"),
            low=_bounds(fields, "low", shape),
            high=_bounds(fields, "high", shape),
            components=tuple(Component(c.text("name"), c.text("unit")) for c in components),
            nvec=nvec,
        )


def filled_bounds(
    space: Space, unbounded: float = math.inf
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Lower and upper bounds, each float64 of the space's shape; `-+unbounded` where there is no bound."""
    ends = []
    for bound, fallback in ((space.low, -unbounded), (space.high, unbounded)):
        # As float64, None reads as NaN.
        values = np.asarray(bound, dtype=np.float64)
        ends.append(np.broadcast_to(np.where(np.isnan(values), fallback, values), space.shape))
    return ends[0], ends[1]


def _check_text(what: str, *values: object) -> None:
    """Refuse texts that cannot be shown: they are in reports, cards, and on the terminal."""
    for value in values:
        if isinstance(value, str) and not (value.isprintable() and len(value) <= LONGEST):
            raise InputRefused(
                f"{what} is {quoted(value)}; expected at most {LONGEST} characters, and no control character "
                "among them."
            )


def _positive(fields: Fields, key: str, most: int) -> int | None:
    value = fields.optional_integer(key)
    if value is not None and not 1 <= value <= most:
        raise fields.wrong(key, f"a positive integer, at most {most:,}", value)
    return value


def _check_arguments(kwargs: Mapping[str, Any], where: str) -> None:
    """Refuse arguments that name files or code: a file from elsewhere decides about neither."""
    for key, value in kwargs.items():
        if _NAMES_CODE.search(key.lower()) or (isinstance(value, str) and _PLACE.search(value)):
            raise InputRefused(
                f"{where}: the argument {quoted(key)} with {quoted(str(value))} names a file or code, which "
                "no file may decide. Make this one again without the argument."
            )


def _space_shape(fields: Fields) -> tuple[int, ...]:
    """A shape of which arrays may be made."""
    shape = fields.shape("shape")
    if len(shape) > MOST_AXES or math.prod(shape) > LARGEST_SPACE:
        raise fields.wrong(
            "shape", f"at most {MOST_AXES} sizes with a product of at most {LARGEST_SPACE:,}", list(shape)
        )
    return shape


def _bounds(fields: Fields, key: str, shape: tuple[int, ...]) -> Bounds:
    value = fields.data.get(key)
    entries = np.array(value, dtype=object)
    fits = not isinstance(value, list) or entries.shape == shape
    if not fits or not all(entry is None or _is_number(entry) for entry in entries.ravel()):
        raise fields.wrong(key, f"a finite number, null, or such entries of shape {list(shape)}", value)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value)
