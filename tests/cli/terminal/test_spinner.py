"""The first sign of life of `lander train`, while PyTorch loads."""

import io

import pytest
from rich.console import Console

from lander_cli.terminal.console import spinner


@pytest.mark.parametrize("terminal", [True, False])
def test_it_turns_on_a_terminal_only_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=60)
    monkeypatch.setattr("lander_cli.terminal.console.err", lambda: console)
    with spinner("Starting [PyTorch]") as end:
        end()
        ended = screen.getvalue()
    assert ("Starting [PyTorch]" in ended) == terminal
    assert ("\x1b" in ended) == terminal
    # Its line is erased and the cursor is back, once, although the block ends after it.
    assert screen.getvalue().count("\x1b[?25h") == int(terminal)
    assert ("\x1b[2K" in ended) == terminal
