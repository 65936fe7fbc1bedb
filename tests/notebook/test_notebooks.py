"""The notebooks run as they are committed, and show what their text says.

Both are executed once, by one kernel, with less training than a reader does.
"""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import lander_rl
from chromium import Chromium, find_chromium

FOLDER = Path(__file__).parents[2] / "examples" / "notebook"
NAMES = ("lander", "exercises")

PARAMETERS = "STEPS = 65_536\nBROKEN_STEPS = 32_768\nEPISODES = 10"
"""The same cells and calls; the lander only learns less in a twentieth of the time."""


@dataclass(frozen=True)
class Cell:
    """A cell that was executed."""

    source: str
    outputs: list[Any]

    @property
    def text(self) -> str:
        """What it printed to stdout."""
        return "".join(output.text for output in self.outputs if output.get("name") == "stdout")

    @property
    def complaints(self) -> str:
        """What it printed to stderr, such as warnings."""
        return "".join(output.text for output in self.outputs if output.get("name") == "stderr")

    @property
    def shown(self) -> list[Any]:
        """What it displayed: a dict from MIME types."""
        return [output.data for output in self.outputs if "data" in output]


class Kernel:
    """Runs cells one after the other."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client

    def run(self, source: str) -> Cell:
        """Execute a cell; an error in it is raised here."""
        cell = nbformat.v4.new_code_cell(source)
        cells = self._client.nb.cells
        cells.append(cell)
        self._client.execute_cell(cell, len(cells) - 1)
        return Cell(source, cell.outputs)

    def run_all(self, name: str) -> list[Cell]:
        """Execute the code of a notebook, as it is committed."""
        book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        nbformat.validate(book)
        code = [cell for cell in book.cells if cell.cell_type == "code"]
        return [
            self.run(PARAMETERS if "parameters" in cell.metadata.get("tags", ()) else cell.source)
            for cell in code
        ]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Of this Python, in a folder of its own; nothing of the user's Jupyter is read or written."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name.lower()))
        client = NotebookClient(
            nbformat.v4.new_notebook(), timeout=300, resources={"metadata": {"path": str(folder)}}
        )
        with client.setup_kernel():
            kernel = Kernel(client)
            assert kernel.run("import sys; print(sys.executable)").text == f"{sys.executable}\n"
            yield kernel


@pytest.fixture(scope="module")
def story(kernel: Kernel) -> list[Cell]:
    return kernel.run_all("lander")


@pytest.fixture(scope="module")
def exercises(kernel: Kernel, story: list[Cell]) -> list[Cell]:
    """After the story, whose kernel has everything imported."""
    return kernel.run_all("exercises")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_what_its_script_makes(name: str) -> None:
    script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    made = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("make_notebooks", FOLDER / "make_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert name in maker.NAMES
    assert made == maker.notebook_of(script), "type: python examples/notebook/make_notebooks.py"


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_that_it_names_exist(name: str) -> None:
    script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for page in re.findall(r"`(docs/[\w./-]+|\w+\.ipynb)`", script):
        assert (FOLDER / page).exists() or (FOLDER.parents[1] / page).exists(), page


def test_doom_that_cannot_be_installed_is_left_out_with_what_pip_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there is no network, and in a checkout, whose versions are taken."""
    monkeypatch.chdir(FOLDER)
    script = (FOLDER / "lander.py").read_text(encoding="utf-8")
    cells = [cell for cell in script.split("\n# %%") if "pip_install" in cell]
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no network")

    names = {
        "importlib": SimpleNamespace(
            util=SimpleNamespace(find_spec=lambda name: None if name == "vizdoom" else name),
            invalidate_caches=lambda: None,
        ),
        "subprocess": SimpleNamespace(run=run),
        "lander_rl": lander_rl,
        "fix_kernels": lambda: None,
    }
    for cell in cells:
        source = cell.partition("\n")[2].partition("# Before NumPy")[0]
        kept = [line for line in source.splitlines() if not line.startswith("import ")]
        exec("\n".join(["import sys", *kept]), names)
    assert len(asked) == 1
    assert asked[0][-3:] == ["-c", f"{FOLDER.parents[1]}/constraints.txt", "vizdoom>=1.3"]
    assert "ERROR: no network" in capsys.readouterr().out
    assert "could not be installed" in names["played"]


def found(cells: list[Cell], start: str) -> Cell:
    """The cell that has a line with this start."""
    return next(
        cell for cell in cells if re.search(rf"^{re.escape(start)}", cell.source + "\n", re.MULTILINE)
    )


def html(cell: Cell) -> str:
    (data,) = cell.shown
    return data["text/html"]


class TestTheStory:
    def test_it_prints_no_warning(self, story: list[Cell]) -> None:
        assert [cell.complaints for cell in story if cell.complaints] == []

    def test_a_random_lander_is_seen_and_scored(self, story: list[Cell]) -> None:
        assert "data:image/gif;base64," in html(found(story, "def random_policy"))
        assert "10 episodes from seed 1000000" in html(found(story, "random_report ="))

    def test_training_is_one_figure_that_changed_in_place(self, story: list[Cell]) -> None:
        cell = found(story, "run = lander_rl.train(")
        (data,) = cell.shown
        assert data["text/plain"].splitlines()[1].startswith("100% ")
        assert 'class="training"' in data["text/html"]
        assert cell.text == "Training LunarLander-v3 in runs/LunarLander-v3/001\n"

    def test_run_policy_and_comparison_show_themselves(self, story: list[Cell]) -> None:
        assert "data:image/png;base64," in html(found(story, "run\n"))
        assert "data:image/gif;base64," in html(found(story, "policy = run.export("))
        assert "is worse than lunarlander-v3 by" in html(found(story, "comparison ="))

    def test_the_slider_starts_at_what_the_training_uses(self, story: list[Cell], kernel: Kernel) -> None:
        used = kernel.run("print(run.config.clip_range)").text.strip()
        assert f"<output>epsilon = {used}</output>" in html(found(story, "slider("))

    def test_the_broken_runs_are_told_apart_by_what_differs(self, story: list[Cell]) -> None:
        data = found(story, "changes =").shown[0]
        assert data["text/plain"].count("best score") == 4
        assert "data:image/png;base64," in data["text/html"]

    def test_ten_lines_give_the_return_of_the_report(self, story: list[Cell], kernel: Kernel) -> None:
        expected = kernel.run("print(f'{comparison.reports[1].results.returns[0]:.1f}')").text.strip()
        assert found(story, "session =").text.startswith(f"return {expected} in")

    def test_doom_is_played(self, story: list[Cell]) -> None:
        data = found(story, "doom =").shown[0]
        assert "data:image/gif;base64," in data.get("text/html", "") or "not played" in data["text/plain"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    command = find_chromium()
    if command is None:
        pytest.skip("no chromium here (Debian: apt-get install chromium)")
    with Chromium(command, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_the_slider_changes_the_picture_without_a_kernel(
    story: list[Cell], browser: Chromium, tmp_path: Path
) -> None:
    page = tmp_path / "slider.html"
    page.write_text(html(found(story, "slider(")), encoding="utf-8")
    browser.open(page.as_uri())
    seen = (
        "[...document.querySelectorAll('img')].filter((one) => one.offsetHeight > 50).map((one) => one.alt)"
    )
    assert browser.evaluate(seen) == ["epsilon = 0.15"]
    browser.evaluate(
        "(() => {const slider = document.querySelector('input'); slider.value = slider.max;"
        "slider.dispatchEvent(new Event('input'))})()"
    )
    assert browser.evaluate(seen) == ["epsilon = 0.6"]
    assert browser.evaluate("document.querySelector('output').textContent") == "epsilon = 0.6"
    assert browser.complaints == []


class TestTheExercises:
    def test_each_is_to_do_and_each_answer_is_right(self, exercises: list[Cell]) -> None:
        said = [line for cell in exercises for line in cell.text.splitlines()]
        assert said[:5] == [f"Exercise {number}: to do. Replace the dots." for number in range(1, 6)]
        assert [line.split("right!")[0] for line in said[5:]] == [
            f"Exercise {number}: " for number in range(1, 6)
        ]
        assert [cell.complaints for cell in exercises if cell.complaints] == []

    @pytest.mark.parametrize("check", ["ratio", "clipped", "advantages", "pilot", "episodes"])
    def test_a_forgotten_return_is_to_do(self, exercises: list[Cell], kernel: Kernel, check: str) -> None:
        assert ": to do." in kernel.run(f"check_{check}(lambda *arguments: None)").text

    @pytest.mark.parametrize(
        "wrong",
        [
            "check_ratio(lambda log_prob, old: log_prob - old)",
            "check_clipped(lambda r, a, e: min(max(r, 1 - e), 1 + e) * a)",
            # The sum goes on over the episode's end.
            "check_advantages(lambda r, v, t, g, l: advantages_answer(r, v, [False] * 4, g, l))",
            "check_advantages(lambda *_: [0.0])",
            "check_pilot(lambda obs: np.zeros(len(obs), int))",
            "check_episodes(lambda std, gap: (1.96 * std / gap) ** 2)",
        ],
    )
    def test_a_wrong_answer_is_not_yet_right(self, exercises: list[Cell], kernel: Kernel, wrong: str) -> None:
        assert ": not yet" in kernel.run(wrong).text


STOPPED = """
import signal
import lander_rl

class Stop(lander_rl.TrainObserver):
    def on_update(self, metrics):
        if metrics.update == 2:
            signal.raise_signal(signal.SIGINT)

stopped = lander_rl.train("LunarLander-v3", steps=10_000_000, seed=1, out="runs/stopped", observer=Stop())
saved = stopped.path.joinpath("checkpoint.safetensors").is_file()
print(stopped.interrupted, stopped.progress.updates, saved)
"""


def test_the_stop_button_saves_and_returns_the_run(kernel: Kernel) -> None:
    """Jupyter's stop button is a SIGINT, which the kernel makes a KeyboardInterrupt while a cell runs."""
    said = kernel.run(STOPPED).text
    assert "Stopping after this update; the run will be saved." in said
    assert said.splitlines()[-1] == "True 2 True"


def test_the_command_in_a_cell_prints_plain_lines(kernel: Kernel) -> None:
    """Jupyter gives it a terminal, on which a panel would be drawn once an update."""
    start = f"!{sys.executable} -c 'from lander_cli.main import main; main()' train LunarLander-v3 "
    said = kernel.run(start + "--steps 40_000 --out runs/typed --set selections=1").text
    assert "\x1b" not in said
    assert re.search(r"^64 lanes on \w+, networks on cpu, 40,000 steps, seed 1\r?$", said, re.MULTILINE)
    assert len(re.findall(r"steps/s +return", said)) <= 5  # Of five updates.
    assert said.splitlines()[-1].strip() == "Next: lander export runs/typed"
