"""Images: every layout reaches the convolutions the right way round; what does not fit is refused by name."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import Space
from lander_trainer import TrainConfig
from lander_trainer.learners import choose_learner, open_learner
from lander_trainer.memory import check_memory, free_memory, rollout_bytes
from lander_trainer.networks.actor_critic import misfit
from lander_trainer.networks.build import build_network
from lander_trainer.networks.encoder import (
    ImageEncoder,
    as_planes,
    channels_first,
    channels_last,
    image_misfit,
    is_image,
    smallest_side,
)
from trainer_rollouts import config_of, rollout_of_images

ACTION = Space("Discrete", (), "int64", n=3)


def image(*shape: int, dtype: str = "uint8") -> Space:
    return Space("Box", shape, dtype, low=0.0, high=255.0)


LAYOUTS = [
    ((40, 50), 1),
    ((40, 50, 1), 1),
    ((40, 50, 3), 3),
    ((40, 50, 4), 4),
    ((2, 40, 50), 2),
    ((2, 40, 50, 3), 6),
]


@pytest.mark.parametrize(("shape", "planes"), LAYOUTS, ids=str)
def test_every_layout_becomes_channels_first(shape: tuple[int, ...], planes: int) -> None:
    """A pixel that is set in row 7 and column 9 must be found there, in one channel or in all."""
    images = torch.zeros((2, *shape), dtype=torch.uint8)
    rows_first = shape.index(40)
    where = [slice(None)] * images.ndim
    where[1 + rows_first], where[2 + rows_first] = slice(7, 8), slice(9, 10)
    images[tuple(where)] = 255
    found = channels_first(images)
    assert found.shape == (2, planes, 40, 50)
    assert (found[:, :, 7, 9] == 255).all()
    assert int((found > 0).sum()) == 2 * planes


def test_frames_of_colours_keep_their_order() -> None:
    images = torch.arange(2 * 3, dtype=torch.uint8).reshape(1, 2, 1, 1, 3)
    assert channels_first(images).flatten().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("shape", "planes"), LAYOUTS, ids=str)
def test_images_in_the_order_for_learning_are_the_same_images(shape: tuple[int, ...], planes: int) -> None:
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    ordered = channels_last(images)
    assert ordered.shape == (2, 40, 50, planes)
    assert torch.equal(as_planes(ordered), channels_first(images))
    # The result of `as_planes` is itself an image in a known layout.
    assert torch.equal(channels_first(as_planes(ordered)), as_planes(ordered))


def test_pixels_are_scaled_by_255_and_go_through_the_layers() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder((2, 40, 50), (4, 8), (16,), "relu")
    pixels = torch.randint(0, 256, (5, 2, 40, 50), dtype=torch.uint8)
    assert torch.allclose(encoder(pixels), encoder.layers(pixels.float() / 255.0), atol=1e-6)
    assert encoder(pixels).shape == (5, encoder.size) == (5, 16)


def test_actor_and_critic_share_the_encoder_and_nothing_else() -> None:
    network = build_network(image(40, 50, 3), ACTION, TrainConfig(channels=(4, 8), hidden_sizes=(16,)))
    obs = torch.randint(0, 256, (5, 40, 50, 3), dtype=torch.uint8)
    outputs, values = network(obs)
    assert torch.equal(outputs, network.outputs(obs))
    assert torch.equal(values, network.values(obs))
    assert torch.equal(network.policy()(obs), outputs)
    reached = {}
    for name, what in (("actor", outputs.sum()), ("critic", values.sum())):
        network.zero_grad(set_to_none=True)
        what.backward(retain_graph=True)
        reached[name] = {key for key, parameter in network.named_parameters() if parameter.grad is not None}
    assert {key.split(".")[0] for key in reached["actor"]} == {"actor", "encoder"}
    assert {key.split(".")[0] for key in reached["critic"]} == {"critic", "encoder"}


def test_an_image_is_uint8_and_more_than_a_row() -> None:
    assert is_image(image(40, 50))
    assert not is_image(image(128))  # such as the memory of an Atari machine
    assert not is_image(image(40, 50, dtype="float32"))


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (image(40, 50, dtype="float32"), "float32.*vectors, and images of uint8"),
        (image(2, 2, 40, 50, 3), "a height, a width"),
        (image(0, 50), "a height, a width"),
        (image(19, 50), "19 x 50 pixels, and 2 convolutions need 20 x 20"),
    ],
    ids=str,
)
def test_other_observations_are_refused_by_name(space: Space, reason: str) -> None:
    assert re.search(reason, misfit(space, ACTION, 2) or "")


@pytest.mark.parametrize("convolutions", [1, 2, 3])
def test_the_smallest_image_leaves_one_pixel(convolutions: int) -> None:
    side = smallest_side(convolutions)
    channels = (2, 3, 4)[:convolutions]
    encoder = ImageEncoder((side, side), channels, (5,), "tanh")
    assert encoder(torch.zeros((1, side, side), dtype=torch.uint8)).shape == (1, 5)
    assert image_misfit(image(side, side), convolutions) is None
    assert image_misfit(image(side - 1, side), convolutions) is not None


@pytest.mark.parametrize("channels", [(), (1, 2, 3, 4), (16, 0)], ids=str)
def test_impossible_channels_are_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="one to three positive"):
        TrainConfig(channels=channels)


def test_images_are_for_autograd() -> None:
    config = TrainConfig(device="cpu")
    assert choose_learner(config, image(40, 50)) == "autograd"
    with pytest.raises(UsageError, match="vectors, not images"):
        choose_learner(TrainConfig(device="cpu", learner="handwritten"), image(40, 50))


def test_the_whole_gradient_has_one_limit_where_the_encoder_learns_from_both() -> None:
    """A critic far off must not be able to move the encoder further than the limit says."""
    config = config_of(
        epochs=1, minibatches=1, max_grad_norm=0.01, channels=(4,), learner="autograd", adam_epsilon=1.0
    )
    learner = open_learner(config, build_network(image(8, 9), ACTION, config))
    learner.update(rollout_of_images((8, 9)), 0.001, np.random.default_rng(0))
    # Adam's first moment is a tenth of the first gradient.
    moments = [tensor for name, tensor in learner.state().items() if name.endswith("exp_avg")]
    norm = 10 * float(torch.cat([moment.flatten() for moment in moments]).norm())
    assert norm == pytest.approx(0.01, rel=1e-3)


def test_an_update_is_that_of_the_same_images_in_another_layout() -> None:
    """Were pixels mixed up between the rollout and the network, only one of the two would be."""
    config = config_of(epochs=2, minibatches=2, channels=(4,), learner="autograd")
    colours = rollout_of_images((8, 9, 3))
    frames = replace(colours, obs=np.moveaxis(colours.obs, -1, 2))
    states = []
    for rollout in (colours, frames):
        space = image(*rollout.obs.shape[2:])
        learner = open_learner(config, build_network(space, ACTION, config))
        learner.update(rollout, 0.001, np.random.default_rng(0))
        states.append(learner.state())
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_values_that_came_with_the_outputs_are_those_that_are_learned_from() -> None:
    """Twice, because the second rollout is ordered where the first one was."""
    config = config_of(epochs=2, minibatches=2, channels=(4,), learner="autograd")
    asked, told = (open_learner(config, build_network(image(8, 9), ACTION, config)) for _ in range(2))
    for seed in (1, 2):
        rollout = rollout_of_images((8, 9), seed=seed)
        asked.update(rollout, 0.001, np.random.default_rng(seed))
        values = np.stack([told.forward(obs)[1] for obs in rollout.obs])
        told.update(replace(rollout, values=values), 0.001, np.random.default_rng(seed))
        assert_close(told.state(), asked.state())
    values += 1.0
    told.update(replace(rollout, values=values), 0.001, np.random.default_rng(3))
    asked.update(rollout, 0.001, np.random.default_rng(3))
    with pytest.raises(AssertionError):
        assert_close(told.state(), asked.state())


def test_size_of_a_rollout_uses_the_type_of_its_observations() -> None:
    config = TrainConfig(lanes=16, rollout_steps=127)
    assert rollout_bytes(config, image(4, 60, 80)) == 128 * 16 * 4 * 60 * 80
    assert rollout_bytes(config, image(4, 60, 80, dtype="float32")) == 4 * 128 * 16 * 4 * 60 * 80


def test_cached_files_of_a_container_count_as_free_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if free_memory() is None:
        pytest.skip("this system does not tell how much memory is free")
    monkeypatch.setattr("lander_trainer.memory._CGROUP", tmp_path)
    for name, text in (
        ("memory.max", "100000\n"),
        ("memory.current", "99000\n"),
        ("memory.stat", "anon 29000\nfile 70000\nactive_file 10000\ninactive_file 60000\n"),
    ):
        (tmp_path / name).write_text(text)
    assert free_memory() == 61_000
    (tmp_path / "memory.max").write_text("max\n")
    assert (free_memory() or 0) > 100_000


def test_a_rollout_larger_than_the_memory_is_refused_with_both_numbers() -> None:
    free = free_memory()
    if free is None:
        pytest.skip("this system does not tell how much memory is free")
    lanes = 1 + free // (96 * 96 * 3 * 1024)
    config = TrainConfig(rollout_steps=1024, lanes=min(lanes, 65_536))
    with pytest.raises(MachineLacks, match=r"takes 4 x .* GB; .* GB are free"):
        check_memory(config, image(96, 96, 3))
    check_memory(TrainConfig(), image(96, 96, 3))
