"""All settings of one training run, checked once, here.

The defaults are a sound start for any small environment; `preset_files/*.toml` holds settings that were
measured for particular ones.
"""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_runtime.text import quoted
from lander_trainer.settings.values import SettingRefused, convert, in_figures, read_assignments

Activation = Literal["tanh", "relu", "elu", "silu"]
Anneal = Literal["none", "linear", "exponential"]

CHANGES_NO_RESULT = ("workers", "critic_process", "checkpoint_seconds", "target_score")
"""Settings that may differ between two runs whose weights and scores are the same, update for update."""


_MOST_LAYERS = 100
_WIDEST = 65_536
"""Units of a layer. A checkpoint from elsewhere may name any number; no use is known for a larger one."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a run. References: [S17] Schulman et al. 2017, arXiv:1707.06347 (PPO);
    [S16] Schulman et al. 2016, arXiv:1506.02438 (GAE); [A21] Andrychowicz et al. 2021,
    arXiv:2006.05990 (what matters in on-policy RL); [E20] Engstrom et al. 2020, arXiv:2005.12729
    (implementation matters); [J21] Jiang et al. 2021, arXiv:2010.03934 (prioritized level replay).
    """

    env: str = "LunarLander-v3"
    """Gymnasium's id of the environment."""

    steps: int = 1_000_000
    """Environment steps to train for, in all lanes together, from 1; the steps that only reset count too. The
    run ends with the update that reaches this number."""

    seed: int = 1
    """Seed of the weights, actions, minibatches and environments, from 0 to 2^31 - 1."""

    backend: Literal["auto", "gymnasium", "envpool", "native"] = "auto"
    """What steps the environment copies: `gymnasium` in worker processes, `envpool` in C++ threads, or
    `native`, this project's simulator of LunarLander. `auto` takes native for LunarLander where the
    simulator is compiled, else envpool where it is installed and has the environment, else gymnasium. Only
    envpool cannot resume exactly."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks run. `auto` takes the CPU for a `compiled` or `handwritten` learner, else CUDA if
    there is a CUDA device. From which width on a GPU is faster was not measured; with wide layers try
    `cuda`."""

    threads: int = 1
    """Threads of PyTorch (in updates; acting has one) and of NumPy's products, from 1. A second thread makes
    small perceptrons slower and convolutions 1.6 times faster. A run repeats only with the same number."""

    workers: int = 0
    """Threads (envpool, native) or processes (Gymnasium) that step the copies, up to 1,024; 0 means one a
    core, and one with native. Changes no result."""

    critic_process: Literal["auto", "yes", "no"] = "auto"
    """Whether the critic learns beside the actor, in a thread of a compiled learner and in a process of a
    handwritten one. `auto` says yes where there are two cores and updates are large enough to gain from it.
    Changes no result."""

    learner: Literal["auto", "compiled", "handwritten", "autograd"] = "auto"
    """What computes gradients: `compiled` in C++ and `handwritten` in NumPy, both on the CPU, for tanh or
    relu networks on vectors; `autograd` in PyTorch, for all networks; `auto` takes the first that can. They
    agree up to rounding, not bit for bit."""

    lanes: int = 64
    """Environment copies stepped together, N in [S17, algorithm 1], from 1 to 65,536."""

    rollout_steps: int = 64
    """Steps of each lane in one rollout, T in [S17, algorithm 1]; at least 2, since one may be a reset."""

    epochs: int = 4
    """Passes over the rollout in one update, K in [S17, algorithm 1], from 1."""

    minibatches: int = 16
    """Minibatches of one epoch, from 1 to lanes x rollout_steps."""

    learning_rate: float = 0.0025
    """Adam's step size at the start of the run, above 0."""

    anneal: Anneal = "linear"
    """Learning rate over the run: `linear` falls to 0 at the end, `exponential` is multiplied by
    `anneal_rate` after each update, `none` keeps it constant."""

    anneal_rate: float = 0.99
    """Factor of the exponential schedule, applied after each update, in (0, 1]."""

    epoch_decay: float = 1.0
    """Factor on the learning rate after each epoch of an update, in (0, 1]; 1 keeps it constant."""

    gamma: float = 0.999
    """Discount factor of one step, in [0, 1]."""

    gae: bool = True
    """Use generalized advantage estimation [S16]. Off: discounted return minus value."""

    gae_lambda: float = 0.98
    """Lambda of GAE, in [0, 1]: 0 has the most bias, 1 the most variance [S16, eq. 16]."""

    level_replay: float = 0.0
    """Share of episodes, from 0 to 0.9, that begin once more from a seed where the policy stayed below the
    environment's reward threshold [J21]. It makes rare failures frequent enough to learn from. Only with
    `backend` native. The returns of training include these episodes."""

    bootstrap_truncations: bool = True
    """After a time limit, add the critic's value of the last observation. Off: a truncated episode counts as
    terminated."""

    normalize_advantages: bool = True
    """Shift and scale the advantages of each minibatch to mean 0 and standard deviation 1 [A21, C67]."""

    clip_range: float = 0.2
    """Epsilon of the clipped surrogate objective [S17, eq. 7], above 0."""

    clip_value: bool = False
    """Clip the change of the value to `clip_range` too [E20, section 3]. Off by default: with returns in the
    hundreds, a change of 0.2 an update is too little for the critic to learn."""

    entropy_coef: float = 0.01
    """Weight of the entropy bonus, c2 in [S17, eq. 9], from 0 to 10."""

    value_coef: float = 0.5
    """Weight of the value loss, c1 in [S17, eq. 9], from 0 to 100."""

    max_grad_norm: float = 0.5
    """Largest Euclidean norm of a gradient, above 0; a larger gradient is scaled down to it. The actor's and
    the critic's gradient are limited separately, unless they share an encoder [E20]."""

    target_kl: float | None = None
    """Stop an update after the epoch whose mean approximate KL divergence from the acting policy, in nats,
    exceeds this; above 0, or none for no limit."""

    reward_scale: float = 0.05
    """Rewards are multiplied by this before learning, above 0, so that returns are of the order of 10."""

    normalize_rewards: bool = False
    """Divide rewards by the running standard deviation of the discounted return [E20, section 3], in place
    of `reward_scale`."""

    normalize_observations: bool = False
    """Shift and scale each component of an observation by its running mean and standard deviation [A21, C64].
    The exported policy contains the last ones."""

    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers, at least one, the same for actor and critic. For images: of the layers
    after the convolutions, which actor and critic share."""

    channels: tuple[int, ...] = (16, 32)
    """Output channels of the convolutions for images, one to three layers (`networks/encoder.py`)."""

    activation: Activation = "tanh"
    """Nonlinearity between the layers [A21, C55]."""

    network: str | None = None
    """The name of a network of the user's own, in place of the layers above. `train(network=...)` and
    `--network MODULE:NAME` set it; a name alone brings no network."""

    init: str | None = None
    """The checkpoint, run's folder or policy file whose weights the run starts from (`--init`); none for new
    weights. Its network comes with it."""

    init_sha256: str | None = None
    """SHA-256 of the file that the run started from; where it is given, another file is refused."""

    adam_epsilon: float = 1e-5
    """Epsilon in Adam's denominator, from 1e-16 to 1 [A21, C24]."""

    selection_episodes: int = 32
    """Greedy episodes of one selection, on seeds that nothing else uses, from 0 to 50,000. The weights with
    the best mean return are kept as `best`; 0 switches selection off."""

    selection_backend: Literal["gymnasium", "native"] = "gymnasium"
    """Where a selection's episodes are run; `native` needs `backend` native, has the same episodes up to
    rounding and takes a sixtieth of the time. A score that reaches a target is Gymnasium's on both."""

    selections: int = 10
    """Selections in a run, evenly spaced, from 1; the last one is at the end."""

    checkpoint_seconds: float = 30.0
    """Most seconds between two checkpoints, from 0.1. They are more frequent where that takes less than half
    a percent of the time."""

    target_score: float | None = None
    """Stop as soon as a selection has at least this mean return; none for no such stop."""

    time_limit: float | None = None
    """Stop after this many seconds of training, from 1; none for no limit. The linear schedule then follows
    the time, so the weights depend on the machine's speed."""

    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`."""

    max_episode_steps: int | None = None
    """Steps after which an episode is truncated, from 1; none keeps the environment's own limit, if it has
    one."""

    shaping: Mapping[str, Any] = field(default_factory=dict)
    """More keyword arguments of `gymnasium.make`, for training only, such as a reward for progress towards
    the goal. Selections, scores and the environment named in a policy file never have them."""

    env_wrappers: tuple[WrapperSpec, ...] | None = None
    """Wrappers around the environment, innermost first, in place of those that come with it; none keeps
    those. In TOML or JSON a list of tables with `name` and `kwargs`; `lander_runtime.envs.WRAPPERS` has the
    names."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingRefused(
                    name, f" is {value}; it must lie in [{in_figures(low)}, {in_figures(high)}]."
                )
        for item in dataclasses.fields(self):
            allowed = typing.get_args(item.type) if typing.get_origin(item.type) is Literal else None
            if allowed and getattr(self, item.name) not in allowed:
                raise UsageError(
                    f"{item.name} is {quoted(getattr(self, item.name))}; choose from {', '.join(allowed)}."
                )
        if not self.hidden_sizes or min(self.hidden_sizes) < 1:
            raise UsageError(f"hidden_sizes is {list(self.hidden_sizes)}; give at least one positive width.")
        if len(self.hidden_sizes) > _MOST_LAYERS or max(self.hidden_sizes) > _WIDEST:
            raise UsageError(
                f"hidden_sizes: give at most {_MOST_LAYERS} layers of at most {_WIDEST:,} units."
            )
        if not 1 <= len(self.channels) <= 3 or min(self.channels) < 1 or max(self.channels) > _WIDEST:
            raise UsageError(
                f"channels is {list(self.channels[:4])}; give one to three positive numbers, "
                f"each at most {_WIDEST:,}."
            )
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
        """A copy with `values` (already typed, as from TOML) in place of its own.

        Raises:
            UsageError: an unknown name, with the nearest known one, or a value of the wrong type or range.
        """
        types_by_name = {item.name: item.type for item in dataclasses.fields(self)}
        converted = {name: convert(name, value, types_by_name) for name, value in values.items()}
        return dataclasses.replace(self, **converted)

    def with_assignments(self, assignments: Sequence[str]) -> "TrainConfig":
        """A copy with `key=value` texts (as from `--set`) in place of its own; raises like `with_values`."""
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
    "level_replay": (0.0, 0.9),
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
    "max_episode_steps": (1, 10**8),
    "target_score": (-1e12, 1e12),
    "time_limit": (1.0, 1e9),
}
"""Least and greatest value of each setting that is a number, in the setting's own unit."""
