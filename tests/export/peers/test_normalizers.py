"""Normalisation in checkpoints: which tensors are statistics, and each library's formula."""

import pytest
import torch

from lander_export.peers.normalizers import checkpoint_normalizer, normalizer_names
from lander_export.peers.peer import PeerOptions
from lander_runtime.errors import InputRefused

# The variance is 4; by hand with each library's formula.


@pytest.mark.parametrize(
    ("names", "deviation", "clip"),
    [
        (("obs_rms.mean", "obs_rms.var"), (4.0 + 1e-8) ** 0.5, 10.0),
        (("running_mean_std.running_mean", "running_mean_std.running_var"), (4.0 + 1e-5) ** 0.5, 5.0),
        (("running_mean", "running_variance"), 2.0 + 1e-8, 5.0),
        (("actor_obs_normalizer._mean", "actor_obs_normalizer._var"), 2.0 + 1e-2, None),
        (("obs_norm_state_dict._mean", "obs_norm_state_dict._var"), 2.0 + 1e-2, None),
    ],
)
def test_every_library_normalises_in_its_own_way(
    names: tuple[str, str], deviation: float, clip: float | None
) -> None:
    tensors = {names[0]: torch.ones(1, 2), names[1]: torch.full((1, 2), 4.0)}
    assert normalizer_names(tensors) == list(names)
    normalizer, origin = checkpoint_normalizer(tensors, PeerOptions(), "a.pth")
    assert origin == names[0]
    assert normalizer.deviation.tolist() == pytest.approx([deviation, deviation], rel=1e-12)
    assert (normalizer.mean.tolist(), normalizer.clip) == ([1.0, 1.0], clip)


@pytest.mark.parametrize(
    "name",
    [
        "obs_rms.mean", "module.obs_rms.var", "ob_rms.mean", "running_mean", "running_var", "normalizer.mean",
        "obs_normalizer._std", "actor_obs_normalizer.count", "input_normalizer.mean",
        "running_mean_std.count",
        "state_normalizer.mean", "normalization.mean", "observation_normalizer.mean", "obs_norm.mean",
        "mean", "var", "_mean", "obs_mean", "state_std", "scaler.mean", "scaler.var",
    ],
)  # fmt: skip
def test_names_of_statistics(name: str) -> None:
    assert normalizer_names({name: None}) == [name]


@pytest.mark.parametrize(
    "name", ["critic_obs_normalizer._mean", "value_rms.mean", "ret_rms.var", "critic.0.weight"]
)
def test_names_of_what_does_not_act(name: str) -> None:
    assert normalizer_names({name: None}) == []


def test_two_normalisers_are_not_guessed_between() -> None:
    tensors = {f"{name}.{part}": torch.ones(2) for name in ("a_rms", "b_rms") for part in ("mean", "var")}
    with pytest.raises(InputRefused, match="expected one mean with its variance"):
        checkpoint_normalizer(tensors, PeerOptions(), "a.pth")
