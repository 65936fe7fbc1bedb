"""The requests of training: a new run, or a run to be resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lander_rl.training.durations import seconds_of
from lander_runtime.differing import UNLIMITED
from lander_runtime.errors import UsageError

DEFAULT_ENV = "LunarLander-v3"

SELECTIONS_TO_TARGET = 20
"""Selections of a run with a target: more than in the presets, because only a selection can reach it."""


_SETTING_OF = {
    "steps": "steps",
    "seed": "seed",
    "device": "device",
    "backend": "backend",
    "target": "target_score",
    "time": "time_limit",
    "env_args": "env_kwargs",
    "max_episode_steps": "max_episode_steps",
    "init": "init",
    "network": "network",
}
"""The name of the setting for each field of a request."""


class SaidTwice(UsageError):
    """A field of a request and a setting give the same value twice."""

    def __init__(self, field: str, setting: str) -> None:
        super().__init__(f"{field} and the setting {setting} both say it. Leave one out.")
        self.field = field
        self.setting = setting


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """A new run. A field that is None is left to the preset; `lander_rl.settings()` has the ranges.

    Raises:
        UsageError: a setting is given twice (`SaidTwice`), `settings` names the environment, or `time` is no
            time.
    """

    env: str = DEFAULT_ENV
    """Gymnasium's id of the environment."""

    preset: str = "default"
    """Name of the settings to start from; `lander_rl.environments()` lists them."""

    steps: float | str | None = None
    """Environment steps, 1 or more, all lanes together; whole, or text such as `1_000_000` or `1e6`."""

    seed: int | None = None
    """Seeds weights, actions and environments; 0 or more."""

    device: str | None = None
    """Where the networks run: `auto`, `cpu` or `cuda`."""

    backend: str | None = None
    """What steps the environments: `auto`, `gymnasium`, `envpool` or `native`."""

    target: float | None = None
    """Return at which the run stops, once a selection scores it. The run then selects 20 times."""

    time: float | str | None = None
    """Seconds of training, 1 or more, or text such as `2m`, with the schedule fitted to them. Without `steps`
    nothing else ends the run."""

    env_args: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the environment, each in place of that one argument of the preset."""

    max_episode_steps: int | None = None
    """Steps after which an episode is truncated, 1 or more; part of the environment in the policy file."""

    init: Path | None = None
    """A checkpoint, a run's folder or a policy file to start from, with its network and, of a checkpoint, its
    critic and the statistics of its observations."""

    network: Any = None
    """A network of your own: a `torch.nn.Module`, a class or function that makes one, or its name as
    `module:name`. `lander_trainer.networks.custom` says what it must compute."""

    out: Path | None = None
    """The run's folder, empty or not there; `runs/<env>/<number>` where it is None."""

    log: tuple[str, ...] = ()
    """Trackers beside `metrics.jsonl`: `tensorboard`, `wandb`, `trackio`."""

    imports: Sequence[str] = ()
    """Modules that register environments; they are imported here and in every worker process. With `m` among
    them `env` may be `m:MyEnv-v0`."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Any other settings by name, as values or as text."""

    def __post_init__(self) -> None:
        seconds_of(self.time)
        if "env" in self.settings:
            raise UsageError("Name the environment as `env`, not among the settings.")
        for name, setting in _SETTING_OF.items():
            if setting in _given(self) and setting in self.settings:
                raise SaidTwice(name, setting)

    def given(self) -> dict[str, Any]:
        """The given fields, by the names of their settings; they replace values of preset and `settings`."""
        given = _given(self)
        if self.time is not None and self.steps is None and "steps" not in self.settings:
            given["steps"] = UNLIMITED
        if self.target is not None and "selections" not in self.settings:
            given["selections"] = SELECTIONS_TO_TARGET
        return given


@dataclass(frozen=True, kw_only=True)
class ResumeRequest:
    """A run to be resumed, or made longer. It keeps all settings except those named here.

    Raises:
        UsageError: `time` is no time.
    """

    run: Path
    """The run's folder."""

    steps: float | str | None = None
    """Environment steps in all, those done included; as in `TrainRequest`."""

    time: float | str | None = None
    """Seconds of training in all, earlier parts included; as in `TrainRequest`."""

    target: float | None = None
    """Return at which the run stops, once a selection scores it."""

    device: str | None = None
    """Where the networks run: `auto`, `cpu` or `cuda`."""

    backend: str | None = None
    """What steps the environments: `auto`, `gymnasium`, `envpool` or `native`. Another backend gives other
    episodes."""

    network: Any = None
    """The network of your own that the run was started with; in the same process it is known."""

    log: tuple[str, ...] = ()
    """Trackers beside `metrics.jsonl`, as in `TrainRequest`."""

    imports: Sequence[str] = ()
    """Modules that register environments, as in `TrainRequest`. A run does not keep them: nothing that stands
    in a file is imported."""

    processes: Mapping[str, Any] = field(default_factory=dict)
    """Settings that change no weights, such as `workers`; chosen for this machine where they are not here."""

    def __post_init__(self) -> None:
        seconds_of(self.time)

    def given(self) -> dict[str, Any]:
        """The given fields, by the names of their settings."""
        given = _given(self)
        # Whether it is the run's own is seen when the checkpoint is read.
        given.pop("network", None)
        # Another backend cannot select in the simulator.
        if self.backend not in (None, "auto", "native"):
            given["selection_backend"] = "gymnasium"
        return given


def option_of(setting: str) -> str:
    """The option that gives `setting`, such as `--time` for `time_limit`."""
    field = next(name for name, known in _SETTING_OF.items() if known == setting)
    return "--env-arg" if field == "env_args" else f"--{field.replace('_', '-')}"


def _given(request: TrainRequest | ResumeRequest) -> dict[str, Any]:
    found = {setting: getattr(request, name, None) for name, setting in _SETTING_OF.items()}
    found["time_limit"] = seconds_of(request.time)
    found["init"] = None if found["init"] is None else str(found["init"])
    return {
        setting: value
        for setting, value in found.items()
        # A network need not be comparable.
        if value is not None and (setting == "network" or value != {})
    }
