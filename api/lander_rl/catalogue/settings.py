"""`settings`: every setting of a training, with its text in the source of `TrainConfig`."""

import ast
import dataclasses
import difflib
import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, overload

from lander_rl.showing import Listing, RowResult
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_trainer import TrainConfig
    from lander_trainer.settings.preset_tables import PresetTable


_USUAL = "LunarLander-v3"
"""What `lander train` trains where no environment is named, in the simulator where that can be."""


@dataclasses.dataclass(frozen=True, repr=False)
class Setting(RowResult):
    """One setting of a training."""

    name: str
    type: str
    """Its type, in words."""
    range: tuple[float, float] | None
    """Smallest and largest value; None if it is no number."""
    default: Any
    """Its value where no preset sets it."""
    meaning: str
    """What it does, and its unit."""
    sources: tuple[str, ...]
    """Papers or code that the formula is from, each with the section or equation."""
    stable_baselines: str | None
    """Its name in Stable-Baselines3; None where it has no counterpart."""

    def rows(self) -> list[tuple[str, str]]:
        """All of it, as names and values."""
        from lander_trainer.settings.values import in_figures

        low_high = [] if self.range is None else [("range", " to ".join(map(in_figures, self.range)))]
        return [
            ("setting", self.name),
            ("type", self.type),
            *low_high,
            ("default", _in_short(self.default)),
            *_preset_row(self),
            ("meaning", self.meaning),
            *(("source", source) for source in self.sources),
            ("Stable-Baselines3", self.stable_baselines or "-"),
        ]


def _preset_row(setting: Setting) -> list[tuple[str, str]]:
    """The value that a plain `lander train` takes, where its preset has another one than the default."""
    value = _preset_values()[setting.name]
    if value == setting.default:
        return []
    where = " in the simulator" if setting.name in _usual_preset().native else ""
    return [("preset", f"{_USUAL}{where}: {_in_short(value)}")]


@cache
def _preset_values() -> dict[str, Any]:
    from lander_trainer.config import TrainConfig

    table = _usual_preset()
    return vars(TrainConfig(env=_USUAL).with_values({**table.settings, **table.native}))


@cache
def _usual_preset() -> "PresetTable":
    from lander_trainer.settings.preset_tables import preset_tables

    return preset_tables(_USUAL)["default"]


@overload
def settings(name: None = None) -> Listing[Setting]: ...


@overload
def settings(name: str) -> Setting: ...


def settings(name: str | None = None) -> Listing[Setting] | Setting:
    """All settings, in the order of `TrainConfig`, or the one called `name`, here or in other libraries.

    Raises:
        UsageError: there is no setting of that name; the nearest one is suggested.
    """
    from lander_trainer.config import TrainConfig
    from lander_trainer.settings.stable_baselines import our_name
    from lander_trainer.settings.usual_names import USUAL_NAMES

    found = _read(TrainConfig)
    if name is None:
        return Listing.of(found.values(), _COLUMNS)
    if name not in found:
        name = our_name(name) or USUAL_NAMES.get(name, name)
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = (
            f"Did you mean {near[0]!r}?" if near else "lander settings, or lander_rl.settings(), lists them."
        )
        raise UsageError(f"There is no setting {name!r}. {hint}")
    return found[name]


@cache
def _read(config: "type[TrainConfig]") -> dict[str, Setting]:
    from lander_trainer.config import RANGES
    from lander_trainer.settings.stable_baselines import STABLE_BASELINES_NAMES
    from lander_trainer.settings.values import in_words

    meanings, references, defaults = _meanings(config), _references(config), config()
    return {
        field.name: Setting(
            name=field.name,
            type=in_words(field.type).rstrip(","),
            range=RANGES.get(field.name),
            default=getattr(defaults, field.name),
            meaning=meanings[field.name],
            sources=_sources(meanings[field.name], references),
            stable_baselines=STABLE_BASELINES_NAMES.get(field.name),
        )
        for field in dataclasses.fields(config)
    }


def _meanings(config: "type[TrainConfig]") -> dict[str, str]:
    """The docstring under each field, which Python itself does not keep."""
    [body] = ast.parse(inspect.getsource(config)).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            # `literal_eval` refuses what is no constant: a field without a text under it.
            assert isinstance(text, ast.Expr)
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


def _references(config: "type[TrainConfig]") -> dict[str, str]:
    """What `[S17]` and the like stand for, from the class's docstring."""
    text = " ".join((config.__doc__ or "").split())
    return {key: words.rstrip("; .") for key, words in re.findall(r"\[(\w+)\] ([^\[]+)", text)}


def _sources(meaning: str, references: Mapping[str, str]) -> tuple[str, ...]:
    """Such as `Schulman et al. 2017, arXiv:1707.06347 (PPO), eq. 7` for `[S17, eq. 7]`."""
    cited = re.findall(r"\[(\w+)(?:, ([^\]]+))?\]", meaning)
    return tuple(
        f"{references[key]}, {place}" if place else references[key]
        for key, place in cited
        if key in references
    )


def _in_short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


_COLUMNS = {
    "setting": lambda one: one.name,
    "default": lambda one: _in_short(one.default),
    f"{_USUAL} in the simulator": lambda one: _in_short(_preset_values()[one.name]),
    "Stable-Baselines3": lambda one: one.stable_baselines or "-",
    "meaning": lambda one: one.meaning,
}
