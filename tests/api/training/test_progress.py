"""Progress: plain lines in a script, a panel on a terminal, a figure in a notebook, or nothing at all."""

import dataclasses
import io
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lander_rl import train
from lander_rl.training.live_curve import LiveCurve
from lander_rl.training.notebook import NotebookDisplay, in_notebook
from lander_rl.training.progress import LineDisplay, PanelDisplay, open_display, open_talk
from lander_rl.training.words import Clock
from lander_trainer import Progress, TrainConfig, UpdateMetrics


def test_a_script_gets_plain_lines_on_stderr(trained: Any) -> None:
    assert trained.out == ""
    first, headline, *lines = trained.err.splitlines()
    assert first == f"Training CartPole-v1 in {trained.run.path}"
    assert headline == "4 lanes on gymnasium, networks on cpu, 256 steps, seed 1"
    assert re.match(r" +\d+ steps +[\d,]+ steps/s  return .* best .* left +0:00  \(environment", lines[-1])
    assert "\x1b" not in trained.err


def test_a_terminal_gets_a_panel(echo: str) -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with open_display(console) as display:
        assert isinstance(display, PanelDisplay)


def test_a_terminal_has_a_spinner_until_the_first_update(echo: str) -> None:
    screen = io.StringIO()
    with open_display(Console(file=screen, force_terminal=True, width=100)) as display:
        config = TrainConfig(env=echo, lanes=8, rollout_steps=256)
        display.on_start(config, Path("run"), Progress())
        display.on_collect(0.25, 10.0)
    assert "first rollout 25%, about 0:30 left" in screen.getvalue()


def test_a_log_has_a_line_every_five_seconds_of_the_first_rollout(
    echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("lander_rl.training.progress.time.monotonic", lambda: now[0])
    log = io.StringIO()
    display = LineDisplay(Console(file=log, width=100))
    for second in range(1, 12):
        now[0] = 100.0 + second
        display.on_collect(second / 20, float(second))
    display.on_collect(1.0, 12.0)
    assert log.getvalue().splitlines() == [
        "first rollout 25%, about 0:15 left",
        "first rollout 50%, about 0:10 left",
        "first rollout collected; learning from it",
    ]


@pytest.mark.parametrize(("seconds", "told"), [(12.0, True), (0.5, False)], ids=["slow", "quick"])
def test_a_selection_is_announced_where_the_environment_is_slow(
    echo: str, seconds: float, told: bool
) -> None:
    log, screen = io.StringIO(), io.StringIO()
    lines = LineDisplay(Console(file=log, width=100))
    with open_display(Console(file=screen, force_terminal=True, width=100)) as panel:
        for display in (lines, panel):
            display.on_start(TrainConfig(env=echo), Path("run"), Progress())
            display.on_collect(1.0, seconds)
            display.on_selection_start(32)
    wanted = "scoring 32 episodes to choose the best weights"
    assert (wanted in log.getvalue()) == told
    *_, last = screen.getvalue().split("learning from it")
    assert (wanted in last) == told


def metrics_at(done: float, seconds: float) -> UpdateMetrics:
    """After an update of so many seconds."""
    known: dict[str, Any] = dict.fromkeys((field.name for field in dataclasses.fields(UpdateMetrics)), 0)
    return UpdateMetrics(**{**known, "done": done, "update_seconds": seconds})


@pytest.mark.parametrize("width", [60, 45])
def test_a_narrow_terminal_cuts_nothing_off(echo: str, width: int) -> None:
    screen = io.StringIO()
    # As the console of stderr, which would cut long lines.
    console = Console(file=screen, force_terminal=True, width=width, height=40, soft_wrap=True)
    with open_display(console) as display:
        display.on_start(TrainConfig(env=echo), Path("run"), Progress())
        display.on_update(metrics_at(0.5, 9.0))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "selection 0%" in shown
    assert "seed 1" in shown
    assert max(len(line.rsplit("\r", 1)[-1]) for line in shown.splitlines()) <= width


def test_the_time_left_is_unknown_until_a_second_update_was_measured() -> None:
    clock = Clock()
    first, second, last = metrics_at(0.1, 9.0), metrics_at(0.2, 2.0), metrics_at(1.0, 2.0)
    clock.add(first)
    assert clock.left(first) == "-"
    clock.add(second)
    # Eight tenths at 2 s each; the first update had to warm up.
    assert clock.left(second) == "0:16"
    clock.add(last)
    assert clock.left(last) == "0:00"


def test_only_the_end_has_no_time_left() -> None:
    clock = Clock()
    for metrics in (metrics_at(0.5, 1.0), metrics_at(0.75, 0.1)):
        clock.add(metrics)
    assert clock.left(metrics_at(0.75, 0.0)) == "0:01"


def test_nothing_is_shown_where_nothing_is_wanted(
    echo: str, small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    train(echo, steps=64, progress=False, **small)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_without_progress_a_failing_log_is_a_warning() -> None:
    _, warn = open_talk(progress=False)
    with pytest.warns(UserWarning, match="The log wandb failed"):
        warn("The log wandb failed")


class Cell:
    """Stands in for `IPython.display`: keeps what a cell would show."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.pictures: list[str] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> "Cell":
        assert raw
        assert display_id
        self._keep(content)
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self._keep(content)

    def _keep(self, content: dict[str, str]) -> None:
        self.shown.append(content["text/plain"])
        self.pictures.append(content["text/html"])


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """As inside a Jupyter kernel."""
    cell = Cell()
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = cell.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return cell


def test_a_notebook_gets_one_figure_that_changes(
    echo: str, small: dict[str, Any], notebook: Cell, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(echo, steps=256, **small)
    headlines = {text.splitlines()[0] for text in notebook.shown}
    assert headlines == {"4 lanes on gymnasium, networks on cpu, 256 steps, seed 1"}
    assert notebook.shown[-1].splitlines()[1].startswith("100% ")
    empty, full = notebook.pictures[0], notebook.pictures[-1]
    assert "polyline" not in empty
    assert full.count("<circle") == 3  # Two selections and the legend.
    assert "solved at 9" in full
    shown = capsys.readouterr()
    # Python's stderr is shown there as an error is.
    assert (shown.out, shown.err) == (f"Training {echo} in {run.path}\n", "")


def test_a_notebooks_figure_ends_with_the_last_update_and_goes_on_in_a_resumed_run(
    echo: str, small: dict[str, Any], notebook: Cell
) -> None:
    updates = iter((False, True))
    run = train(echo, steps=640, stop=lambda: next(updates), **small)
    assert run.interrupted
    assert notebook.shown[-1].splitlines()[1].startswith(" 20% ")
    shown = len(notebook.pictures)
    run.resume()
    assert 'class="training"' in notebook.pictures[shown]  # Before its first update.


@pytest.mark.parametrize(("seconds", "told"), [(12.0, True), (0.5, False)], ids=["slow", "quick"])
def test_a_notebooks_line_names_a_slow_selection_until_the_next_update(
    echo: str, tmp_path: Path, seconds: float, told: bool
) -> None:
    cell = Cell()
    display = NotebookDisplay(cell)
    display.on_start(TrainConfig(env=echo), tmp_path, Progress())
    display.on_collect(1.0, seconds)
    display.on_update(metrics_at(0.1, seconds))
    display.on_selection_start(32)
    assert cell.shown[-1].endswith("scoring 32 episodes to choose the best weights") == told
    display.on_update(metrics_at(0.2, seconds))
    assert (" 20% " in cell.shown[-1]) == told


def test_a_live_curve_keeps_its_axis_and_thins_its_points() -> None:
    """The axis has the whole run from the start, so the line grows to the right and nothing jumps."""
    curve = LiveCurve("<b>-v0", 2_000_000, None)
    for update in range(1, 5_001):
        curve.add(400.0 * update, float(update % 7), None)
    drawn = curve.html("a <headline>", "figures")
    assert "2,000,000" in drawn
    assert "<b>" not in drawn
    assert "&lt;headline&gt;" in drawn
    points = re.search(r'points="([^"]*)" class="training"', drawn)
    assert points is not None
    places = [float(point.split(",")[0]) for point in points[1].split()]
    assert 300 <= len(places) <= 601
    assert places == sorted(places)
    assert places[-1] == 600.0  # The newest update is always drawn, at the right end here.


def test_a_plain_ipython_shell_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    shell = types.ModuleType("IPython")
    shell.get_ipython = lambda: types.SimpleNamespace()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not in_notebook()


def test_asking_for_a_notebook_imports_nothing() -> None:
    # Another test of this process may have imported it.
    before = set(sys.modules)
    with warnings.catch_warnings():
        assert not in_notebook()
    assert "IPython" not in set(sys.modules) - before


def test_a_notebooks_display_can_be_handed_over() -> None:
    assert NotebookDisplay(Cell()) is not None
