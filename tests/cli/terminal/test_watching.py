"""`lander train --watch`: what is drawn, when, and what ends it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lander_cli.terminal.watching import HalfBlocks, Watch, _fitted
from lander_runtime.errors import MachineLacks
from lander_trainer import Progress, TrainConfig

RED, BLUE = (255, 0, 0), (0, 0, 255)


def terminal(**options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", height=20, **options)


def drawn(picture: Any, console: Console) -> str:
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_cell_is_two_pixels_and_equal_neighbours_are_one_text() -> None:
    pixels = np.array([[RED, RED, BLUE], [BLUE, BLUE, BLUE]], np.uint8)
    shown = drawn(HalfBlocks(pixels), terminal(width=40))
    red_on_blue, blue_on_blue = "\x1b[38;2;255;0;0;48;2;0;0;255m", "\x1b[38;2;0;0;255;48;2;0;0;255m"
    assert shown.startswith(f"{red_on_blue}▀▀\x1b[0m{blue_on_blue}▀\x1b[0m")
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("columns", "rows", "size"), [(60, 40, (40, 60)), (300, 10, (20, 30)), (600, 400, (400, 600))]
)
def test_a_picture_keeps_its_proportions(columns: int, rows: int, size: tuple[int, int]) -> None:
    assert _fitted(np.zeros((400, 600, 3), np.uint8), columns, rows).shape[:2] == size


class Watched:
    """A watch with what it showed and said."""

    def __init__(self, env: str, monkeypatch: pytest.MonkeyPatch, *, stop: bool = False) -> None:
        monkeypatch.setattr("lander_cli.terminal.watching.time.sleep", lambda seconds: None)
        self.shown: list[Any] = []
        self.said: list[str] = []
        self.watch = Watch(terminal(width=60), self.said.append, lambda: stop)
        self.watch.show = self.shown.append
        self.watch.on_start(TrainConfig(env=env, max_episode_steps=20), Path("run"), Progress())

    def select(self) -> None:
        self.watch.on_selection(1.0, lambda obs: np.ones(len(obs), np.int64))


def test_an_episode_is_drawn_with_its_end_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched("CartPole-v1", monkeypatch)
    watched.select()
    # A pole that is pushed to one side falls after nine or ten steps; one of eight is drawn, and the last.
    assert len(watched.shown) == 3
    assert "push right   fell" in drawn(watched.shown[-1], terminal(width=60))
    watched.select()
    assert len(watched.shown) == 3, "not again so soon"


def test_what_cannot_be_drawn_is_said_once(monkeypatch: pytest.MonkeyPatch, register: Any) -> None:
    watched = Watched(register("trainer_environments:EchoEnv", max_episode_steps=10), monkeypatch)
    watched.select()
    watched.select()
    (sentence,) = watched.said
    assert sentence.startswith("--watch ends here: ")
    assert watched.shown == []


def test_a_run_that_is_to_end_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched("CartPole-v1", monkeypatch, stop=True)
    watched.select()
    assert watched.shown == []


@pytest.mark.parametrize("console", [Console(file=io.StringIO()), terminal(no_color=True)])
def test_without_colours_it_is_what_the_machine_lacks(console: Console) -> None:
    with pytest.raises(MachineLacks, match="leave it out"):
        Watch(console, print, lambda: False)
