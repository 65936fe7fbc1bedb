"""`environments`: the environments that have presets, and the scores of policies trained with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lander_rl.catalogue.models import Model, models
from lander_rl.showing import Listing


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
    """Whether the score is of the settings with those of `native`, so that `--backend native` makes it."""


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
    return Listing.of((_environment(env_id, shipped) for env_id in preset_environments()), _COLUMNS)


def _environment(env_id: str, shipped: Sequence[Model]) -> Environment:
    from lander_trainer.config import TrainConfig
    from lander_trainer.settings.preset_tables import preset_tables

    defaults, presets = TrainConfig(env=env_id).to_dict(), []
    for name, table in preset_tables(env_id).items():
        config = TrainConfig(env=env_id).with_values(table.settings).to_dict()
        differ = {key: value for key, value in config.items() if defaults.get(key) != value}
        own, native = (
            next((one for one in shipped if _was_trained_with(one, env_id, settings)), None)
            for settings in (differ, {**differ, "backend": "native", **table.native})
        )
        model = own or native
        summary = None if model is None else model.info.evaluation
        if model is not None and summary is not None:
            figures = (summary.mean_return, summary.std_return, summary.episodes, f"claimed by {model.name}")
        elif table.measured is not None:
            measured = table.measured
            figures = (measured.score, measured.std, measured.episodes, "docs/environments.md")
        else:
            figures = (None, None, None, None)
        presets.append(
            Preset(name, differ, table.native, *figures, native_score=model is not None and own is None)
        )
    return Environment(env_id, tuple(presets))


def _was_trained_with(model: Model, env_id: str, differ: Mapping[str, Any]) -> bool:
    """Whether the model was trained with these settings; how often a run selects changes no weights."""
    from lander_trainer.config import CHANGES_NO_RESULT

    free = (*CHANGES_NO_RESULT, "selections", "selection_episodes")
    config = model.info.training.config
    return model.env == env_id and all(
        config.get(name) == value for name, value in differ.items() if name not in free
    )


def _scores(environment: Environment) -> str:
    return ", ".join(
        f"{one.name}{' in the simulator' if one.native_score else ''} {one.score:.1f} ± {one.std:.1f} "
        f"({one.episodes:,} episodes)"
        for one in environment.presets
        if one.score is not None
    )


_COLUMNS = {
    "environment": lambda one: one.id,
    "presets": lambda one: ", ".join(preset.name for preset in one.presets),
    "mean return ± std": lambda one: _scores(one) or "-",
}
