"""`environments`: the environments that have presets, and the scores of policies trained with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lander_rl.catalogue.models import Model, models
from lander_rl.showing import Listing

if TYPE_CHECKING:
    from lander_trainer.settings.preset_tables import Measured


@dataclass(frozen=True)
class Preset:
    """Named settings for an environment, with the score of a policy that was trained with them."""

    name: str
    settings: Mapping[str, Any]
    """Those that differ from the defaults of `lander_rl.settings()`."""
    native: Mapping[str, Any]
    """Those that replace them where the simulator steps the environments."""
    score: float | None
    """Mean return; None where nothing was measured."""
    std: float | None
    """Standard deviation of the returns."""
    episodes: int | None
    """How many episodes the score is the mean of."""
    source: str | None
    """Where the score is from: a model that ships and claims it, or a page of the documentation."""
    native_score: bool = False
    """Whether score and time are of the settings with those of `native`, which `--backend native` takes."""
    seconds: float | None = None
    """How long the training took on 2 cores of an AMD EPYC server; None where that was not measured."""


@dataclass(frozen=True)
class Environment:
    """An environment with presets of its own. Other environments train with the defaults and fewer steps."""

    id: str
    """Gymnasium's id."""
    presets: tuple[Preset, ...]

    def preset(self, name: str = "default") -> Preset:
        """The preset called `name`.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.presets}[name]


def environments() -> Listing[Environment]:
    """The environments that have presets, in alphabetical order, installed or not."""
    from lander_trainer.settings.preset_tables import preset_environments

    shipped = models()
    found = (_environment(env_id, shipped) for env_id in preset_environments())
    return Listing.of(found, _COLUMNS, rows=lambda one: [(one, preset) for preset in one.presets])


def _environment(env_id: str, shipped: Sequence[Model]) -> Environment:
    from lander_trainer.config import TrainConfig
    from lander_trainer.settings.preset_tables import preset_tables

    defaults, presets = TrainConfig(env=env_id).to_dict(), []
    for name, table in preset_tables(env_id).items():
        config = TrainConfig(env=env_id).with_values(table.settings).to_dict()
        differ = {key: value for key, value in config.items() if defaults.get(key) != value}
        simulated = {**differ, "backend": "native", **table.native}
        figures = (
            _figures(env_id, shipped, differ, table.measured, native=False)
            or _figures(env_id, shipped, simulated, table.native_measured, native=True)
            or (None, None, None, None, False, None)
        )
        presets.append(Preset(name, differ, table.native, *figures))
    return Environment(env_id, tuple(presets))


def _figures(
    env_id: str, shipped: Sequence[Model], settings: Mapping[str, Any], measured: "Measured", *, native: bool
) -> tuple[float | None, float | None, int | None, str, bool, float | None] | None:
    """What `Preset` says from `score` on; None where no policy with these settings was scored."""
    model = next((one for one in shipped if _was_trained_with(one, env_id, settings)), None)
    claim = None if model is None else model.info.evaluation
    if model is not None and claim is not None:
        source = f"claimed by {model.name}"
        return claim.mean_return, claim.std_return, claim.episodes, source, native, measured.seconds
    if measured.score is None:
        return None
    source = "docs/environments.md"
    return measured.score, measured.std, measured.episodes, source, native, measured.seconds


def _was_trained_with(model: Model, env_id: str, differ: Mapping[str, Any]) -> bool:
    """Whether the model was trained with these settings; how often a run selects changes no weights."""
    from lander_trainer.config import CHANGES_NO_RESULT

    free = (*CHANGES_NO_RESULT, "selections", "selection_episodes")
    config = model.info.training.config
    return model.env == env_id and all(
        config.get(name) == value for name, value in differ.items() if name not in free
    )


def _score(preset: Preset) -> str:
    if preset.score is None:
        return "not measured"
    return f"{preset.score:.1f} ± {preset.std:.1f} ({preset.episodes:,} episodes)"


def _time(preset: Preset) -> str:
    if preset.seconds is None:
        return "-"
    short = preset.seconds < 120
    words = f"{preset.seconds:.0f} s" if short else f"{preset.seconds / 60:.0f} min"
    return f"{words}, in the simulator" if preset.native_score else words


_COLUMNS: Mapping[str, Callable[[tuple[Environment, Preset]], str]] = {
    "environment": lambda row: row[0].id,
    "preset": lambda row: row[1].name,
    "mean return ± std": lambda row: _score(row[1]),
    "training time": lambda row: _time(row[1]),
}
