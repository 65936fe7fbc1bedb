"""An option that another one makes meaningless is refused with exit code 2, before anything is done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"
TINY = DATA / "tiny-discrete.onnx"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval", TINY, "--gif", "none", "--gif-episodes", "all"], "--gif none records nothing"),
        (["eval", TINY, "--gif", "a.gif", "--gif-episodes", "none"], "Leave out that or --gif"),
        (["eval", TINY, "--mp4", "a.mp4", "--gif-episodes", "none"], "Leave out that or --mp4"),
        (["eval", TINY, "--render", "human", "--lanes", "8"], "Leave out --lanes"),
        (["eval", TINY, "--ray-address", "auto"], "--ray-address is for --engine ray"),
        (["eval", TINY, "--normalizer-clip", "5", "--env", "LunarLander-v3"], "belong to: --normalizer FILE"),
        (["replay", "a.jsonl.gz", "--speed", "2"], "Add --gif FILE"),
        (["replay", "a.jsonl.gz", "--size", "2"], "Add --gif FILE"),
        (["play", TINY, "--out", "page.html", "--no-open"], "Leave out --no-open"),
        (["train", "--target", "200", "--set", "selection_episodes=0"], "selection_episodes=0 leaves none"),
        (["train", "--seeds", "2", "--engine", "ray", "--log", "tensorboard"], "Leave one out"),
        (["train", "--jobs", "2"], "go with --seeds"),
        (["train", "--seeds", "2", "--ray-address", "auto"], "--ray-address"),
        (["export", "--episodes", "0", "--gif"], "--episodes 0 scores none"),
        (["export", "--half", "--int8"], "choose one"),
        (["export", "--format", "c", "--gif"], "leave it out"),
        (["sweep", "space.toml", "--ray-address", "auto"], "--ray-address"),
    ],
)  # fmt: skip
def test_it_is_refused(lander: Lander, arguments: list[Any], said: str) -> None:
    found = lander(*arguments)
    assert (found.code, found.out) == (2, "")
    assert said in found.message
    assert list(Path().iterdir()) == []


def test_what_goes_together_is_not(lander: Lander) -> None:
    usual = ["eval", TINY, "--episodes", "1", "--json"]
    assert lander(*usual, "--gif", "none", "--gif-episodes", "none").code == 0
    assert list(Path().iterdir()) == []


def test_a_network_where_the_run_has_none(lander: Lander, add_run: Callable[..., Path]) -> None:
    run = add_run()
    Path("my_usual_net.py").write_text("import torch\nNet = torch.nn.Identity\n")
    for arguments in (["export", run], ["train", "--resume", run]):
        found = lander(*arguments, "--network", "my_usual_net:Net")
        assert found.code == 2
        assert found.message.endswith("was not trained with a network of your own. Leave out --network.")


def test_a_network_that_is_not_there_is_named_by_its_option(lander: Lander) -> None:
    found = lander("train", "CartPole-v1", "--network", "nope:ok")
    assert found.code == 4
    assert found.message.startswith("--network nope: there is no such module")
    for name in ("nope", "net.py:Net"):
        found = lander("train", "CartPole-v1", "--network", name)
        assert (found.code, "MODULE:NAME" in found.message) == (2, True)
