"""What has to stay the same in a study that continues, and what differs in words."""

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lander_rl.searching.space import SearchSpace
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.text import first_line
from lander_trainer import TrainConfig

if TYPE_CHECKING:
    from lander_rl.searching.sweeping import SweepRequest

_SPACE = "space"


def identity(request: "SweepRequest", space: SearchSpace, config: TrainConfig) -> dict[str, Any]:
    """What has to stay the same, or the trials of a continued study would not compare."""
    # A setting without a value too, or a study would not know that it got one.
    settings = {**dict.fromkeys(field.name for field in dataclasses.fields(TrainConfig)), **config.to_dict()}
    return {
        "objective": request.objective,
        "seeds": request.seeds,
        "episodes": request.episodes,
        _SPACE: space.to_json(),
        **{name: value for name, value in settings.items() if name != "seed"},
    }


def check_same(study: optuna.Study, wanted: Mapping[str, Any], another: str) -> None:
    """Store the settings of the sweep in the study.

    Args:
        study: new, or continued.
        wanted: what `identity` gives.
        another: how to get another study, such as `another --out`.

    Raises:
        InputRefused: the study's settings are not as this function stores them.
        UsageError: the study was started with other settings.
    """
    # Settings that an older version did not have are not known to differ.
    found = {**wanted, **study.user_attrs}
    try:
        changes = differences(found, wanted)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputRefused(f"The study holds a space that cannot be read ({first_line(error)}).") from error
    if changes:
        raise UsageError(
            f"The study was started with other settings: {'; '.join(changes)}. Go back to these, or choose "
            f"{another}."
        )
    for name in wanted.keys() - study.user_attrs.keys():
        study.set_user_attr(name, wanted[name])


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Such as `epochs was 3 to 6, now 2 to 6`, for each setting that differs; both as from `identity`."""
    searched = (*before[_SPACE], *now[_SPACE])
    changes = []
    for name in dict.fromkeys((*now, *searched)):
        if name == _SPACE:
            continue
        was, is_ = _in_words(before, name), _in_words(now, name)
        if was != is_:
            changes.append(f"{name} was {was}, now {is_}")
        elif before.get(name) != now.get(name):
            # Of a setting that is searched, the preset has the value that the first trial tries.
            changes.append(f"the preset's {name} was {_text(before.get(name))}, now {_text(now.get(name))}")
    return changes


def _in_words(settings: Mapping[str, Any], name: str) -> str:
    stored = settings[_SPACE].get(name)
    return _text(settings.get(name)) if stored is None else _range(stored)


def _range(stored: str) -> str:
    """Optuna's JSON of a range, such as `0.001 to 0.006 on a log scale`."""
    kind = optuna.distributions.json_to_distribution(stored)
    if isinstance(kind, CategoricalDistribution):
        return " or ".join(map(_text, kind.choices))
    assert isinstance(kind, FloatDistribution | IntDistribution)
    scale = " on a log scale" if kind.log else ""
    steps = f" in steps of {kind.step}" if kind.step not in (None, 1) else ""
    return f"{kind.low} to {kind.high}{scale}{steps}"


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)
