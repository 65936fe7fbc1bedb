"""All settings of one training run, checked once, here.

The defaults are a sound start for any small environment; `preset_files/*.toml` holds what was measured
for particular ones.
"""

import dataclasses
import difflib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_trainer.settings.values import in_words, parse, read_assignments

Activation = Literal["tanh", "relu", "elu", "silu"]
Anneal = Literal["none", "linear", "exponential"]

CHANGES_NO_RESULT = ("workers", "checkpoint_seconds", "target_score")
"""Settings that may differ between two runs whose weights and scores are the same, update for update."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a run. References: [S17] Schulman et al. 2017, arXiv:1707.06347 (PPO);
    [S16] Schulman et al. 2016, arXiv:1506.02438 (GAE); [A21] Andrychowicz et al. 2021,
    arXiv:2006.05990 (what matters in on-policy RL); [E20] Engstrom et al. 2020, arXiv:2005.12729
    (implementation matters).
    """

    env: str = "LunarLander-v3"
    """Gymnasium's id of the environment."""

    steps: int = 1_000_000
    """Environment steps to train for, all lanes together, a reset counted as a step; ends with the update
    that reaches it."""

    seed: int = 1
    """Seeds the weights, the actions, the minibatches and the environments; 0 or more."""

    backend: Literal["auto", "gymnasium", "envpool"] = "auto"
    """What steps the copies: `gymnasium` in worker processes, `envpool` in C++ threads, or
    `auto`, which takes envpool where it is installed and has the environment."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks run; `auto` takes the CPU where the `handwritten` learner is used, else CUDA if it
    is there. From which width on a GPU pays was not measured; with wide layers try `cuda`."""

    threads: int = 1
    """Threads of PyTorch (in updates; acting has one) and of NumPy's products. For small perceptrons a
    second one costs more than it brings; convolutions are learned 1.6 times faster with two. The number must
    be fixed for a run to be repeatable."""

    workers: int = 0
    """Threads (envpool) or processes (Gymnasium) that step the copies; 0 is one a core. With more than one,
    the handwritten learner's critic has a process of its own too, where updates are large enough to pay for
    it. Changes no result."""

    learner: Literal["auto", "handwritten", "autograd"] = "auto"
    """What computes gradients: `handwritten` in NumPy, on the CPU, for tanh or relu networks; `autograd` in
    PyTorch, for all; `auto` takes the first where it can. They agree to rounding, not bit for bit."""

    lanes: int = 64
    """Environment copies stepped together, N."""

    rollout_steps: int = 64
    """Steps each lane takes before an update, T; at least 2, since one may be a reset."""

    epochs: int = 4
    """Passes over the rollout in one update, K in [S17, algorithm 1]."""

    minibatches: int = 16
    """Parts that one pass is cut into."""

    learning_rate: float = 0.0025
    """Adam's step size at the start."""

    anneal: Anneal = "linear"
    """Learning rate over the run: `linear` to 0, `exponential` by `anneal_rate` an update, or `none`."""

    anneal_rate: float = 0.99
    """Factor an update of the exponential schedule, in (0, 1]."""

    epoch_decay: float = 1.0
    """Factor on the learning rate after each epoch inside an update, in (0, 1]; 1 keeps it level."""

    gamma: float = 0.999
    """Discount a step, in [0, 1]."""

    gae: bool = True
    """Generalized advantage estimation [S16]; off: plain discounted returns minus the value."""

    gae_lambda: float = 0.98
    """GAE's dial between bias (0) and variance (1), in [0, 1] [S16, eq. 16]."""

    bootstrap_truncations: bool = True
    """Count on after a time limit with the critic's value; off: as if the episode had ended there."""

    normalize_advantages: bool = True
    """Shift and scale the advantages of each minibatch to mean 0, deviation 1 [A21, C67]."""

    clip_range: float = 0.2
    """Epsilon of the clipped surrogate objective [S17, eq. 7], above 0."""

    clip_value: bool = False
    """Clip the value's change to `clip_range` too [E20, section 3]. Off: with returns in the hundreds
    a change of 0.2 an update starves the critic."""

    entropy_coef: float = 0.01
    """Weight of the entropy bonus, c2 in [S17, eq. 9]."""

    value_coef: float = 0.5
    """Weight of the value loss, c1 in [S17, eq. 9]."""

    max_grad_norm: float = 0.5
    """The actor's gradient and the critic's are each scaled down to this Euclidean norm [E20]."""

    target_kl: float | None = None
    """Stop an update once the approximate KL divergence from the acting policy exceeds this."""

    reward_scale: float = 0.05
    """Rewards are multiplied by this before learning, so that returns are of the order of 10."""

    normalize_rewards: bool = False
    """Divide rewards by the running deviation of the discounted return [E20], in place of `reward_scale`."""

    normalize_observations: bool = False
    """Shift and scale every component of an observation by its running mean and deviation [A21, C64]; an
    exported policy does so with the last ones."""

    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers, the same for actor and critic; for images of those that follow the
    convolutions, and shared."""

    channels: tuple[int, ...] = (16, 32)
    """Channels of the convolutions that images go through, one to three (`encoder.py`)."""

    activation: Activation = "tanh"
    """Nonlinearity between the layers [A21, C55]."""

    adam_epsilon: float = 1e-5
    """Adam's denominator constant [A21, C24]."""

    selection_episodes: int = 32
    """Greedy episodes on the selection seeds that decide which weights are `best`; 0 for none."""

    selections: int = 10
    """How many times a run selects, evenly spaced, the last time at the end."""

    checkpoint_seconds: float = 30.0
    """Seconds between periodic checkpoints."""

    target_score: float | None = None
    """Stop as soon as a selection scores at least this."""

    time_limit: float | None = None
    """Stop after this many seconds of training, with the linear schedule fitted to them; then the
    weights depend on the machine's speed."""

    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`."""

    shaping: Mapping[str, Any] = field(default_factory=dict)
    """Further keyword arguments of `gymnasium.make` in training alone, such as a reward for what leads to the
    goal. Selections, scores and the environment that a policy file names never have them."""

    env_wrappers: tuple[WrapperSpec, ...] | None = None
    """Wrappers around it, the innermost first, in place of those that come with the environment; as TOML or
    JSON, a list of tables with `name` and `kwargs`. `lander_runtime.envs.WRAPPERS` has the names."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} is {value}; it must lie in [{low:g}, {high:g}].")
        for item in dataclasses.fields(self):
            allowed = typing.get_args(item.type) if typing.get_origin(item.type) is Literal else None
            if allowed and getattr(self, item.name) not in allowed:
                raise UsageError(
                    f"{item.name} is {getattr(self, item.name)!r}; choose from {', '.join(allowed)}."
                )
        if not self.hidden_sizes or min(self.hidden_sizes) < 1:
            raise UsageError(f"hidden_sizes is {list(self.hidden_sizes)}; give at least one positive width.")
        if not 1 <= len(self.channels) <= 3 or min(self.channels) < 1:
            raise UsageError(f"channels is {list(self.channels)}; give one to three positive numbers.")
        if self.minibatches > self.lanes * self.rollout_steps:
            raise UsageError(
                f"{self.minibatches} minibatches of a rollout of {self.lanes} x {self.rollout_steps} steps "
                "leave some empty; lower minibatches."
            )

    @property
    def updates(self) -> int:
        """Updates that `steps` takes, rounded up."""
        return -(-self.steps // (self.lanes * self.rollout_steps))

    def with_values(self, values: Mapping[str, Any]) -> "TrainConfig":
        """A copy with `values` (already typed, as from TOML) put in place.

        Raises:
            UsageError: an unknown name, with the nearest known one, or a value of the wrong type or range.
        """
        return dataclasses.replace(self, **{name: _convert(name, value) for name, value in values.items()})

    def with_assignments(self, assignments: Sequence[str]) -> "TrainConfig":
        """A copy with `key=value` texts (as from `--set`) put in place; raises like `with_values`."""
        return self.with_values(read_assignments(assignments))

    def to_dict(self) -> dict[str, Any]:
        """All settings that have a value, as plain data for TOML and JSON."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        wrappers = None if self.env_wrappers is None else [wrapper.to_json() for wrapper in self.env_wrappers]
        plain = {
            **values,
            "hidden_sizes": list(self.hidden_sizes),
            "channels": list(self.channels),
            "env_kwargs": dict(self.env_kwargs),
            "shaping": dict(self.shaping),
            "env_wrappers": wrappers,
        }
        return {name: value for name, value in plain.items() if value is not None}


RANGES: Mapping[str, tuple[float, float]] = {
    "steps": (1, 10**12),
    "seed": (0, 2**31 - 1),
    "threads": (1, 1024),
    "workers": (0, 1024),
    "lanes": (1, 65_536),
    "rollout_steps": (2, 1_000_000),
    "epochs": (1, 1_000),
    "minibatches": (1, 1_000_000),
    "learning_rate": (1e-12, 10.0),
    "anneal_rate": (1e-6, 1.0),
    "epoch_decay": (1e-6, 1.0),
    "gamma": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "clip_range": (1e-6, 10.0),
    "entropy_coef": (0.0, 10.0),
    "value_coef": (0.0, 100.0),
    "max_grad_norm": (1e-6, 1e6),
    "target_kl": (1e-9, 100.0),
    "reward_scale": (1e-9, 1e9),
    "adam_epsilon": (1e-16, 1.0),
    "selection_episodes": (0, 50_000),
    "selections": (1, 10_000),
    "checkpoint_seconds": (0.1, 1e9),
    "target_score": (-1e12, 1e12),
    "time_limit": (1.0, 1e9),
}
"""Least and greatest value of each setting that is a number, in the setting's own unit."""


def _convert(name: str, value: Any) -> Any:
    """`value`, which may be text, as the type of the setting `name`."""
    kinds = {item.name: item.type for item in dataclasses.fields(TrainConfig)}
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(kinds)}."
        raise UsageError(f"There is no setting {name!r}.{hint}")
    kind = kinds[name]
    try:
        return parse(kind, value)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UsageError(f"{name}={value} does not fit; expected {in_words(kind)}.") from error
