"""The command in a notebook's cell: plain lines, although Jupyter gives it a terminal."""

import os

import pytest

from lander_cli.terminal.cell import NOTEBOOK_VARIABLES, drawing_into_files, in_cell
from lander_cli.terminal.console import err, out

INLINE = "module://matplotlib_inline.backend_inline"


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NOTEBOOK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [("JPY_PARENT_PID", "1", True), ("MPLBACKEND", INLINE, True), ("MPLBACKEND", "agg", False)],
)
def test_a_cell_is_no_terminal(monkeypatch: pytest.MonkeyPatch, name: str, value: str, cell: bool) -> None:
    monkeypatch.setenv(name, value)
    assert in_cell() == cell
    assert [console.is_terminal for console in (out(), err())] == [not cell, not cell]


def test_the_kernels_backend_is_out_of_the_way_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", INLINE)
    with drawing_into_files():
        assert (os.environ["MPLBACKEND"], in_cell()) == ("agg", True)
    assert os.environ["MPLBACKEND"] == INLINE


def test_a_backend_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "svg")
    with drawing_into_files():
        assert (os.environ["MPLBACKEND"], in_cell()) == ("svg", False)
