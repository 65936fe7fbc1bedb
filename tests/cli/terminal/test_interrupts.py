"""Ctrl-C and SIGTERM, sent to a real process: work is saved, the code says what happened."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_cli.terminal.interrupts import stop_on_signals
from lander_trainer import Checkpoint

Lander = Callable[..., Any]
Start = Callable[..., Any]

RUN = Path("run")


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RUN / "metrics.jsonl").read_text().splitlines()]


def has_a_row() -> bool:
    return (RUN / "metrics.jsonl").is_file() and "\n" in (RUN / "metrics.jsonl").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_training_is_saved_and_goes_on(
    start: Start, lander: Lander, tiny_run: list[Any], number: signal.Signals, code: int
) -> None:
    # So many steps that the signal comes before the end on any machine.
    options = ["--set", "selection_episodes=0", "--log", "tensorboard"]
    child = start("train", *tiny_run, "--steps", "1e9", *options, "--out", RUN)
    child.wait_until(has_a_row)
    child.process.send_signal(number)
    stopped = child.end()

    assert stopped.code == code
    assert "Stopping after this update" in stopped.err
    assert "Traceback" not in stopped.err
    assert stopped.next == f"lander train --resume {RUN} --log tensorboard"
    saved = Checkpoint.load(RUN / "checkpoint.safetensors")
    before = rows()
    assert [row["update"] for row in before] == list(range(1, saved.progress.updates + 1))
    assert before[-1]["steps"] == saved.progress.steps
    assert f"{saved.progress.steps:,} in" in stopped.out
    assert {path.name for path in RUN.iterdir()} == {
        "config.toml", "metrics.jsonl", "checkpoint.safetensors", "learning_curve.png", "tensorboard",
    }  # fmt: skip

    # As pasted, but for an end that can be waited for: three updates further.
    steps = (saved.progress.updates + 3) * 8 * 32
    resumed = lander(*shlex.split(stopped.next)[1:], "--steps", steps)
    assert resumed.code == 0
    after = rows()
    assert after[: len(before)] == before
    assert [row["update"] for row in after] == list(range(1, saved.progress.updates + 4))
    assert after[-1]["steps"] > saved.progress.steps
    assert Checkpoint.load(RUN / "checkpoint.safetensors").progress.updates == saved.progress.updates + 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_and_the_second_ends(
    capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop()
        assert stop.exit_code == code
        assert "Once more to stop at once" in capsys.readouterr().err
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
    assert ended.value.code == code
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("prelude", "printed"),
    [
        (
            "find = lambda name, *_: hit() if name == 'typer' else None\n"
            "sys.meta_path.insert(0, type('Finder', (), {'find_spec': find}))",
            "",
        ),
        ("atexit.register(hit)", "lander "),
    ],
    ids=["while it loads", "while Python shuts down"],
)
def test_before_and_after_the_command_there_is_no_traceback(prelude: str, printed: str) -> None:
    code = (
        "import atexit, os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"hit = lambda: os.kill(os.getpid(), signal.SIGINT)\n{prelude}\n"
        "from lander_cli.start import main\nmain()"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, timeout=60
    )
    assert (child.returncode, child.stderr) == (130, "")
    assert child.stdout.startswith(printed)
    assert bool(child.stdout) is bool(printed)


AT_WORK = {
    "models": "catalogue.models.models",
    "envs": "catalogue.environments.environments",
    "settings": "catalogue.settings.settings",
    "doctor": "checking.diagnosing.doctor",
    "bench": "checking.benching.run_bench",
    "verify": "checking.verifying.run_verify",
    "inspect": "inputs.finding.find_policy",
    "play": "watching.playing.make_page",
    "serve": "serving.run_serve",
    "plot": "plotting.run_plot",
    "push me/x": "sharing.pushing.run_push",
    "pull me/x": "sharing.pulling.run_pull",
    "compare a b": "scoring.comparing.run_comparison",
    "demo": "training.session.run_training",
    "train --seeds 2": "several.seeds.run_seeds",
    "sweep space.toml": "searching.sweeping.run_sweep",
}
"""Commands, and the function of `lander_rl` that does their work."""


@pytest.mark.parametrize("command", AT_WORK)
def test_ctrl_c_ends_every_command_with_130_and_no_traceback(
    lander: Lander, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        # Twice, because commands that train take the first one as the wish to be saved.
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    if command.startswith("sweep"):
        pytest.importorskip("optuna", reason="the extra `sweep`")
    Path("space.toml").write_text('env = "CartPole-v1"\n[space]\ngamma = [0.98, 0.99]\n')
    monkeypatch.setattr(f"lander_rl.{AT_WORK[command]}", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outcome = lander(*command.split())
    finally:
        signal.signal(signal.SIGINT, before)
    assert (outcome.code, outcome.out) == (130, "")
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_seeds_stay_when_their_export_is_interrupted(
    lander: Lander, tiny_run: list[Any], monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    """The signal comes in the middle of the last file; the printed command exports what was chosen."""
    from lander_export import exporting

    record = exporting.record_episode

    def interrupted(*given: Any) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr(exporting, "record_episode", interrupted)
    several = ["--seeds", "2", "--jobs", "1", "--out", "runs"]
    stopped = lander("train", *tiny_run, "--steps", "256", *several)
    assert stopped.code == code
    assert "Traceback" not in stopped.err
    assert [line.split("  ")[0] for line in stopped.out.splitlines()][:2] == ["seed 1", "seed 2"]
    assert stopped.out.rstrip().endswith("; not exported")
    runs = {path.name for path in Path("runs").glob("seed-*")}
    left = {path.name for path in Path("runs").glob("seed-*/*")}
    assert (runs, {name for name in left if "policy" in name}) == ({"seed-1", "seed-2"}, set())

    monkeypatch.setattr(exporting, "record_episode", record)
    words = shlex.split(stopped.next)
    assert words[:2] == ["lander", "export"]
    assert lander(*words[1:], "--no-gif").code == 0
    assert (Path(words[2]) / "policy.onnx").is_file()


def test_a_training_whose_talk_has_no_reader_any_more_is_saved(tiny_run: list[Any]) -> None:
    """As in `lander train 2>&1 | head -1`: it stops, and no update is lost."""
    reader, writer = os.pipe()
    command = ["train", *tiny_run, "--steps", "1e9", "--set", "selection_episodes=0", "--out", str(RUN)]
    child = subprocess.Popen(
        [sys.executable, "-c", "from lander_cli.main import main; main()", *command],
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            assert next((line for line in pipe if "return" in line), None), "it ended before its first update"
        assert child.wait(120) == 141
    finally:
        child.kill()
        child.wait()
    assert Checkpoint.load(RUN / "checkpoint.safetensors").progress.updates == len(rows())


@pytest.mark.slow
def test_a_second_signal_ends_training_at_once(start: Start, tiny_run: list[Any]) -> None:
    """The one update of this run takes minutes: 1,000 passes over 65,536 steps."""
    slow = ["--set", "rollout_steps=8192", "--set", "epochs=1000", "--steps", "1e9", "--out", RUN]
    child = start("train", *tiny_run, *slow)
    child.wait_until(lambda: "8 lanes on" in child.err.read_text())
    child.process.send_signal(signal.SIGINT)
    child.wait_until(lambda: "Once more to stop at once" in child.err.read_text())
    child.process.send_signal(signal.SIGINT)
    stopped = child.end(seconds=30)
    assert stopped.code == 130
    assert "Traceback" not in stopped.err
    assert not has_a_row()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_eval_ends_and_leaves_nothing_behind(
    start: Start, tiny: Path, number: signal.Signals, code: int
) -> None:
    """Hit while it records: the GIF's temporary file goes, the finished ones stay whole."""
    recording = ["--gif", "gifs/x.gif", "--gif-episodes", "all", "--json"]
    # Where the tests run under nohup, their children would ignore SIGHUP.
    prelude = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    child = start("eval", tiny, "--episodes", "400", *recording, prelude=prelude)
    child.wait_until(lambda: any(Path("gifs").glob("x-*.gif")))
    child.process.send_signal(number)
    stopped = child.end()
    assert stopped.code == code
    assert "Traceback" not in stopped.err
    assert json.loads(stopped.out)["episodes"] == 400
    finished = list(Path("gifs").iterdir())
    assert 0 < len(finished) < 400
    assert all(file.name.startswith("x-") and file.read_bytes().endswith(b";") for file in finished)


def test_a_command_under_nohup_outlives_its_terminal(start: Start, tiny: Path) -> None:
    recording = ["--gif", "gifs/x.gif", "--gif-episodes", "all", "--json"]
    prelude = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    child = start("eval", tiny, "--episodes", "8", *recording, prelude=prelude)
    child.wait_until(lambda: any(Path("gifs").glob("x-*.gif")))
    child.process.send_signal(signal.SIGHUP)
    assert child.end().code == 0
    assert len(list(Path("gifs").iterdir())) == 8


def test_a_module_that_catches_everything_while_it_is_imported_cannot_lose_a_signal(tmp_path: Path) -> None:
    """As the compiled part of Box2D does."""
    module = "import contextlib, os, signal, time\nwith contextlib.suppress(BaseException):\n"
    module += "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(0.2)\n"
    (tmp_path / "catches_all.py").write_text(module)
    program = (
        "import time\nfrom lander_cli.terminal.interrupts import exit_on_signals\nexit_on_signals()\n"
        "import catches_all\nprint('imported', flush=True)\ntime.sleep(60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "imported\n", "")
