"""The command as users run it: in this process, or in one of its own where that matters."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lander_cli.main import main
from lander_cli.terminal.cell import NOTEBOOK_VARIABLES

DATA = Path(__file__).parents[1] / "data"

TINY_RUN = [
    "CartPole-v1", "--backend", "gymnasium", "--device", "cpu",
    "--set", "lanes=8", "--set", "rollout_steps=32", "--set", "selection_episodes=2",
]  # fmt: skip
"""Of `lander train`: 256 steps an update, some 0.1 s each."""

COLOUR_VARIABLES = (
    "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "GITHUB_ACTIONS", *NOTEBOOK_VARIABLES,
)  # fmt: skip
"""Taken out of the environment: a test decides itself about colours, wherever it runs."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in an empty folder, because the command writes where it is."""
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The error after `lander: `, which is all that the last line of stderr holds."""
        start, found, text = self.err.rstrip().rpartition("lander: ")
        assert found, f"no error in: {self.err!r}"
        assert start == "" or start.endswith("\n")
        assert "\n" not in text
        return text

    @property
    def next(self) -> str:
        """The command that stderr ends with, ready to paste."""
        _, found, command = self.err.rpartition("\nNext: ")
        assert found, f"no next command in: {self.err!r}"
        assert command.endswith("\n")
        assert command.count("\n") == 1
        return command[:-1]


Lander = Callable[..., Outcome]
"""(arguments) -> how `lander` with these arguments ended."""


@contextmanager
def _as_from_a_shell(arguments: tuple[object, ...]) -> Iterator[None]:
    """The command's arguments, a wide page, nothing that forces colours, signals put back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["lander", *map(str, arguments)])
            patch.setenv("COLUMNS", "300")
            for name in COLOUR_VARIABLES:
                patch.delenv(name, raising=False)
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(*arguments: object) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with (
        _as_from_a_shell(arguments),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return Outcome(code or 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def lander() -> Lander:
    """Run the command in this process. Neither stream is a terminal; an error that escapes is an error."""
    return _run


@dataclass(frozen=True)
class Child:
    """A command in a process of its own, its output going to files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def wait_until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Look again and again until `condition` holds; fail where the command ends or time is up first."""
        deadline = time.monotonic() + seconds
        while not condition():
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, f"still waiting after {seconds} s: {self.err.read_text()}"
            else:
                pytest.fail(f"ended with {self.process.returncode}: {self.err.read_text()}")

    def end(self, seconds: float = 120.0) -> Outcome:
        """Wait for the end."""
        code = self.process.wait(seconds)
        return Outcome(code, self.out.read_text(encoding="utf-8"), self.err.read_text(encoding="utf-8"))


Start = Callable[..., Child]
"""(arguments, prelude=code to run first, env=more environment variables, own_group=apart from this
process's group) -> the running command."""


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start the command in a process of its own; what still runs when the test ends is killed."""
    children: list[subprocess.Popen[bytes]] = []

    def one(
        *arguments: object, prelude: str = "", env: dict[str, str] | None = None, own_group: bool = False
    ) -> Child:
        # Where the tests run in the background, a shell may have them and their children ignore Ctrl-C.
        # Not by preexec_fn: from Python 3.12 on, to fork beside other threads is a warning.
        listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{listen}\n{prelude}\nfrom lander_cli.main import main\nmain()"
        folder = tmp_path_factory.mktemp("child")
        out, err = folder / "out", folder / "err"
        clean = {name: value for name, value in os.environ.items() if name not in COLOUR_VARIABLES}
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                env={**clean, "SDL_VIDEODRIVER": "dummy", **(env or {})},
                process_group=0 if own_group else None,
            )
        children.append(process)
        return Child(process, out, err)

    yield one
    for process in children:
        process.kill()
        process.wait()


@pytest.fixture
def tiny_continuous(tmp_path: Path) -> Path:
    """A copy of the tiny policy for LunarLanderContinuous-v3."""
    return Path(shutil.copy(DATA / "tiny-continuous.onnx", tmp_path / "tiny-continuous.onnx"))


@dataclass(frozen=True)
class Trained:
    """A run of 2,000 steps and what the command printed. Not to be changed."""

    outcome: Outcome
    folder: Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained") / "run"
    return Trained(_run("train", *TINY_RUN, "--steps", "2000", "--out", folder), folder)


@pytest.fixture(scope="session")
def barely_trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one update, for what does not depend on how much was learned. Not to be changed."""
    folder = tmp_path_factory.mktemp("barely") / "run"
    assert _run("train", *TINY_RUN, "--steps", "1", "--out", folder).code == 0
    return folder


@pytest.fixture
def add_run(barely_trained: Path) -> Callable[..., Path]:
    """(name, age in seconds) -> the folder of a run of one update at runs/CartPole-v1/<name>."""

    def add(name: str = "001", age: float = 0) -> Path:
        folder = Path("runs/CartPole-v1") / name
        shutil.copytree(barely_trained, folder)
        for file in folder.iterdir():
            os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
        return folder

    return add


@pytest.fixture
def tiny_run() -> list[Any]:
    return list(TINY_RUN)


@pytest.fixture
def tree() -> Callable[[], set[str]]:
    """All files and folders under the working directory."""
    return lambda: {str(path) for path in Path().rglob("*")}
