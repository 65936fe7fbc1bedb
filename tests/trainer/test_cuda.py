"""The update that a GPU replays: what it must not contain (checked everywhere), and its results on a GPU."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lander_runtime.spec import Space
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.learners import Learner, NotFinite, open_learner
from lander_trainer.learners.autograd import AutogradLearner
from lander_trainer.networks.build import build_network
from lander_trainer.ppo.rollout import Rollout
from trainer_helpers import equal, settings, tensors
from trainer_learners import acted, learner_of, parameters_of, update
from trainer_rollouts import config_of, rollout_of, rollout_of_images

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no NVIDIA GPU, or no CUDA build of PyTorch, here"
)

MUCH_EPSILON = 0.1
"""Of Adam: where a gradient is next to nothing its sign is a matter of rounding, and Adam would follow it."""

CASES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "epochs that decay": {"epochs": 4, "epoch_decay": 0.5},
    "a tight limit": {"max_grad_norm": 0.01},
    "clipped values": {"clip_value": True, "clip_range": 0.05},
    "a stop": {"target_kl": 0.003, "epochs": 6},
    "wide layers": {"hidden_sizes": (256, 256)},
}


def pictures(config: TrainConfig) -> tuple[Learner, Rollout]:
    """A learner on images of 8 x 9 pixels, and a rollout of them."""
    spaces = Space("Box", (8, 9), "uint8", low=0.0, high=255.0), Space("Discrete", (), "int64", n=3)
    config = dataclasses.replace(config, channels=(4,), learner="autograd", adam_epsilon=MUCH_EPSILON)
    return open_learner(config, build_network(*spaces, config)), rollout_of_images((8, 9))


def continuous(config: TrainConfig) -> tuple[Learner, Rollout]:
    """A learner of two continuous actions, and a rollout of them."""
    spaces = Space("Box", (2,), "float32"), Space("Box", (2,), "float32", low=-1.0, high=1.0)
    config = dataclasses.replace(config, learner="autograd", adam_epsilon=MUCH_EPSILON)
    rollout, rng = rollout_of(), np.random.default_rng(4)
    outputs = np.zeros((*rollout.live.shape, 4), np.float32)  # Mean 0 and deviation 1, as a network starts.
    actions = rng.normal(size=(*rollout.live.shape, 2)).astype(np.float32)
    learner = open_learner(config, build_network(*spaces, config))
    return learner, dataclasses.replace(rollout, outputs=outputs, actions=actions)


# On any machine.


class HostWaits(AssertionError):
    pass


class NothingIsRead(TorchDispatchMode):
    """Fails where an operation needs a number on the host, to branch or to know a shape, as capturing would.

    On a CPU it cannot see `tolist`, `numpy` and `cpu`.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        aten = torch.ops.aten
        if func in (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default):
            raise HostWaits(str(func))
        if func is aten.index.Tensor and any(i is not None and i.dtype == torch.bool for i in args[1]):
            raise HostWaits("an index of bool")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_nothing_inside_an_update_waits_for_a_number(values: dict[str, Any]) -> None:
    learner = learner_of("autograd", config_of(**values))
    waits_for_nothing(learner, acted(learner))


@pytest.mark.parametrize("made", [pictures, continuous])
def test_nothing_waits_in_an_update_of_other_networks(
    made: Callable[[TrainConfig], tuple[Learner, Rollout]],
) -> None:
    waits_for_nothing(*made(config_of()))


def waits_for_nothing(learner: Learner, rollout: Rollout) -> None:
    assert isinstance(learner, AutogradLearner)
    update(learner, rollout)
    assert learner._inputs is not None
    before = parameters_of(learner)
    learner._stopped.zero_()
    with NothingIsRead():
        learner._all_epochs(learner._inputs)
    assert not torch.equal(parameters_of(learner), before)


@pytest.mark.parametrize(
    "wait",
    [lambda t: bool(t.sum() > 0), lambda t: t.sum().item(), lambda t: t[t > 0], lambda t: t.nonzero()],
    ids=["branch", "item", "index", "nonzero"],
)
def test_waiting_would_be_noticed(wait: Callable[[torch.Tensor], object]) -> None:
    with pytest.raises(HostWaits), NothingIsRead():
        wait(torch.ones(2))


# Where there is a GPU.


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_replayed_update_gives_the_weights_of_the_cpu(values: dict[str, Any]) -> None:
    config = config_of(**values)
    here, there = (
        learner_of("autograd", dataclasses.replace(config, device=device)) for device in ("cpu", "cuda")
    )
    for seed, end in enumerate(("terminated", "truncated", "terminated")):
        rollout, rate = acted(here, end=end, seed=seed), 0.01 / (1 + seed)
        one, other = (update(learner, rollout, rate, seed) for learner in (here, there))
        assert one.means == pytest.approx(other.means, rel=1e-3, abs=1e-5)
        assert one[1:] == pytest.approx(other[1:], rel=1e-3, abs=1e-5)
        assert torch.allclose(parameters_of(here), parameters_of(there).cpu(), rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("made", [pictures, continuous])
def test_replayed_update_of_other_networks_gives_the_weights_of_the_cpu(
    made: Callable[[TrainConfig], tuple[Learner, Rollout]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    (here, rollout), (there, _) = (made(config_of(device=device)) for device in ("cpu", "cuda"))
    there.network.load_state_dict(here.network.state_dict())
    for _ in range(2):
        one, other = (update(learner, rollout) for learner in (here, there))
        assert one.means == pytest.approx(other.means, rel=1e-3, abs=1e-4)
        assert torch.allclose(parameters_of(here), parameters_of(there).cpu(), rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
@needs_gpu
def test_replayed_update_continues_after_a_restore() -> None:
    one, other = (learner_of("autograd", config_of(device="cuda")) for _ in range(2))
    rollout = acted(one)
    update(one, rollout)
    update(other, rollout, rate=0.5)  # Its graph reads what is now replaced.
    other.network.load_state_dict(one.network.state_dict())
    other.restore(one.state())
    for learner in (one, other):
        update(learner, rollout)
    assert torch.allclose(parameters_of(one), parameters_of(other), rtol=1e-5, atol=1e-6)


@pytest.mark.gpu
@needs_gpu
def test_gradient_that_is_not_finite_on_a_gpu_is_named() -> None:
    learner = learner_of("autograd", config_of(minibatches=1, gamma=0.0, value_coef=100.0, device="cuda"))
    rollout = acted(learner)
    rewards = np.where(rollout.live, np.float32(1e19), np.float32(0))
    with pytest.raises(NotFinite, match="norm of the gradient"):
        update(learner, dataclasses.replace(rollout, rewards=rewards))


@pytest.mark.gpu
@needs_gpu
def test_run_on_a_gpu_repeats_itself_and_loads_on_a_cpu(
    echo: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    for its in (run, another_run):
        train(settings(echo, device="cuda"), its)
    assert equal(tensors(run.checkpoint), tensors(another_run.checkpoint))
    assert next(Checkpoint.load(run.best).network().parameters()).device.type == "cpu"
