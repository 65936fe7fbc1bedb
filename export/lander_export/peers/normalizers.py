"""The normalisation of observations that a policy was trained behind, where a checkpoint holds it.

    library          its names
    Gymnasium, SB3   obs_rms.mean, obs_rms.var
    rl_games         running_mean_std.running_mean, ...
    skrl             running_mean, running_variance
    rsl_rl           obs_normalizer._mean, ._var, ._std

Only mean and variance are in a state dict; `lander_runtime.inert.normalizer` has each library's formula.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from lander_export.peers.networks import Normalise
from lander_export.peers.peer import PeerOptions
from lander_runtime.errors import InputRefused
from lander_runtime.inert.normalizer import Normalizer, Usual, normalizer_of, read_normalizer
from lander_runtime.spec import Space
from lander_runtime.text import shortened

FROM_CHECKPOINT, NONE = "checkpoint", "none"
"""Values of `--normalizer` that are no file."""

_PATTERN = re.compile(
    r"(^|[._])(\w*_)?(obs|ob|state|running|input)?_?(rms|normali[sz]er|normali[sz]ation)(\.|$)"
    r"|(^|[._])(running_mean_std|obs_norm\w*)(\.|$)"
    r"|(^|\.)((running|obs|ob|observation|state|input)_)?_?(mean|var|variance)$"
    r"|(^|\.)(obs|ob|observation|state|input)_std$"
    r"|(^|\.)(obs_norm_state_dict|state_preprocessor)\."
)
_NOT_THE_ACTORS = re.compile(r"^(critic|value|vf|ret|reward|rew)")

_PAIRS = {
    ("mean", "var"): Usual(1e-8, 10.0, epsilon_on_deviation=False),
    ("running_mean", "running_var"): Usual(1e-5, 5.0, epsilon_on_deviation=False),
    ("running_mean", "running_variance"): Usual(1e-8, 5.0, epsilon_on_deviation=True),
    ("_mean", "_var"): Usual(1e-2, None, epsilon_on_deviation=True),
}
"""Names of a mean and a variance, and what goes with them."""


def normalizer_names(names: Iterable[str]) -> list[str]:
    """The tensors that are statistics of the actor's observations, by their names."""
    return [name for name in names if _PATTERN.search(name) and not is_the_critics(name)]


def is_the_critics(name: str) -> bool:
    """Whether a tensor is of a critic, or of the normalisation of rewards or returns."""
    return bool(_NOT_THE_ACTORS.match(name))


def file_normalizer(options: PeerOptions) -> Normalizer | None:
    """The normalisation in the file that the options name; None where only rewards were normalised."""
    path = Path(options.normalizer or "")
    return read_normalizer(path, options.normalizer_epsilon, options.normalizer_clip)


def checkpoint_normalizer(
    tensors: Mapping[str, Tensor], options: PeerOptions, where: str
) -> tuple[Normalizer, str]:
    """The normalisation that a checkpoint holds, and the name of its mean.

    Args:
        tensors: what `normalizer_names` found.
        options: epsilon and clipping, where they are not the usual ones.
        where: the file's name, for messages.

    Raises:
        InputRefused: there is not exactly one mean with its variance.
    """
    found = [
        (f"{prefix}{mean}", f"{prefix}{variance}", usual)
        for (mean, variance), usual in _PAIRS.items()
        for prefix in sorted({name.removesuffix(mean) for name in tensors if name.split(".")[-1] == mean})
        if f"{prefix}{variance}" in tensors
    ]
    if len(found) != 1:
        raise InputRefused(
            f"{where}: expected one mean with its variance; found {shortened(', '.join(tensors)) or 'none'}. "
            "Write them to a file with mean and var, and give it: --normalizer FILE.npz"
        )
    mean, variance, usual = found[0]
    changed = usual.changed(options.normalizer_epsilon, options.normalizer_clip, where)
    means, variances = (tensors[name].double().numpy() for name in (mean, variance))
    return normalizer_of(means, variances, changed, mean), mean


def as_module(normalizer: Normalizer, observation: Space, where: str) -> Normalise:
    """The normalisation as the first layer of a network.

    Raises:
        InputRefused: it is for other observations.
    """
    if normalizer.mean.shape != observation.shape or len(observation.shape) > 1:
        raise InputRefused(
            f"{where}: statistics of observations {list(normalizer.mean.shape)}; the environment's are "
            f"{list(observation.shape)}, and only vectors are normalised."
        )
    return Normalise(normalizer.mean, normalizer.deviation, normalizer.clip)


def in_words(normalizer: Normalizer, origin: str) -> str:
    """What to say of it; `origin` is a file or the name of a tensor."""
    return f"observations normalised by {origin}, {normalizer.in_words}"
