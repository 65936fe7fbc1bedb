"""What holds for every command: help, errors and their codes, colours, odd paths, a full disk."""

import errno
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]
Start = Callable[..., Any]

COMMANDS = [
    "train", "sweep", "export", "eval", "compare", "merge", "inspect", "play", "verify", "bench", "doctor",
    "plot", "replay", "serve", "push", "pull", "demo", "models", "envs", "settings",
]  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_names_every_command(lander: Lander, arguments: list[str]) -> None:
    found = lander(*arguments)
    # No command is a usage error, as in every program built with click.
    assert found.code == (0 if arguments else 2)
    text = found.out + found.err
    for command in COMMANDS:
        assert re.search(rf"^\W*{command} +\w", text, re.MULTILINE), command
    assert "Start with: lander demo" in text
    assert "<bool>" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(lander: Lander, command: str) -> None:
    found = lander(command, "--help")
    assert found.code == 0
    assert f"Usage: lander {command}" in found.out
    # Who reads it types `--json true`.
    assert "<bool>" not in found.out


@pytest.mark.parametrize(
    ("command", "default"),
    [
        ("train", "LunarLander-v3"),
        ("train", "runs/<env>/<number>"),
        ("export", "the newest run"),
        ("export", "policy.onnx beside the checkpoint"),
        ("eval", "eval.gif"),
        ("eval", "1000000"),
        ("inspect", "the one that ships"),
        ("plot", "the newest run"),
        ("plot", "plot.png"),
    ],
)
def test_help_says_what_is_taken_by_default(lander: Lander, command: str, default: str) -> None:
    """rich reads square brackets as markup and swallows them, unless they are escaped."""
    text = re.sub(r"[\s│]+", " ", lander(command, "--help").out)
    assert re.search(rf"\[default: [^]]*{re.escape(default)}", text), text


def test_version(lander: Lander) -> None:
    found = lander("--version")
    assert (found.code, found.out, found.err) == (0, f"lander {version('lander-rl')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fly"], "fly"),
        (["--fast"], "--fast"),
        (["eval", "--fast"], "--fast"),
        (["eval", "a.onnx", "b.onnx"], "b.onnx"),
        (["eval", "--episodes"], "--episodes"),
        (["eval", "--episodes", "many"], "--episodes"),
    ],
)
def test_what_is_not_an_option_is_a_usage_error(lander: Lander, arguments: list[str], named: str) -> None:
    found = lander(*arguments)
    assert (found.code, found.out) == (2, "")
    assert named in found.err


class TestErrors:
    def test_an_error_is_a_sentence_on_stderr(self, lander: Lander) -> None:
        found = lander("eval", "nothere.onnx")
        assert (found.code, found.out) == (3, "")
        assert found.err == f"lander: {found.message}\n"
        assert "nothere.onnx" in found.message

    @pytest.mark.parametrize("arguments", [["--debug", "eval"], ["eval", "--debug"]])
    def test_debug_shows_where_it_came_from_and_keeps_the_exit_code(
        self, start: Start, arguments: list[str]
    ) -> None:
        found = start(*arguments, "nothere.onnx").end()
        assert "Traceback (most recent call last)" in found.err
        assert "nothere.onnx" in found.err
        assert found.code == 3

    def test_without_debug_there_is_no_traceback(self, start: Start) -> None:
        found = start("eval", "nothere.onnx").end()
        assert found.code == 3
        assert "Traceback" not in found.err

    def test_a_network_beyond_all_memory_is_a_sentence_too(self, lander: Lander, tiny_run: list[Any]) -> None:
        found = lander("train", *tiny_run, "--set", "hidden_sizes=100_000_000_000_000", "--out", "run")
        assert found.code == 2
        assert "at most 65,536 units" in found.message

    @pytest.mark.parametrize(
        ("arguments", "missing", "extra"),
        [
            (["train", "CartPole-v1"], "torch", "train"),
            (["eval"], "gymnasium", "eval"),
            (["inspect"], "onnxruntime", "cpu"),
            (["replay", "eval.jsonl.gz"], "gymnasium", "eval"),
        ],
    )
    def test_a_missing_package_is_named_with_the_line_that_installs_it(
        self, start: Start, lander: Lander, tiny: Path, arguments: list[str], missing: str, extra: str
    ) -> None:
        """`sys.modules[name] = None` is Python's own way of having a module be absent."""
        lander("eval", tiny, "--episodes", "1", "--gif-episodes", "none", "--save-replay", "eval.jsonl.gz")
        found = start(*arguments, prelude=f"import sys; sys.modules[{missing!r}] = None").end()
        assert (found.code, found.out) == (4, "")
        assert f"pip install 'lander-rl[{extra}]'" in found.message

    @pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize(
        "arguments", [["inspect", "tiny.onnx"], ["eval", "--json", "tiny.onnx"], ["--version"]]
    )
    def test_a_full_disk_is_what_the_machine_lacks(
        self, tiny: Path, arguments: list[str], unbuffered: str
    ) -> None:
        command = [sys.executable, "-c", "from lander_cli.main import main; main()", *arguments]
        with Path("/dev/full").open("wb") as full:
            child = subprocess.run(
                command,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                cwd=tiny.parent,
                # Buffered, Python tries again as it ends, and would then exit with 120.
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            )
        assert child.returncode == 4
        assert os.strerror(errno.ENOSPC) in child.stderr
        assert "Traceback" not in child.stderr

    @pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize("debug", [[], ["--debug"]])
    def test_a_full_disk_under_both_streams_keeps_the_exit_code(
        self, tiny: Path, debug: list[str], unbuffered: str
    ) -> None:
        """As in `lander inspect > log 2>&1`: no message can be written, but a script reads the exit code."""
        command = [sys.executable, "-c", "from lander_cli.main import main; main()", "inspect", tiny, *debug]
        with Path("/dev/full").open("wb") as full:
            child = subprocess.run(
                command,
                stdout=full,
                stderr=full,
                timeout=60,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            )
        assert child.returncode == 4

    @pytest.mark.parametrize(
        "arguments",
        [
            ["inspect", "tiny.onnx"],
            ["inspect", "--json", "tiny.onnx"],
            ["eval", "--json", "tiny.onnx"],
            ["eval", "--gif-episodes", "none", "tiny.onnx"],
            ["compare", "tiny.onnx", "tiny.onnx", "--episodes", "1", "--workers", "1"],
            ["serve", "tiny.onnx", "--port", "0"],
            ["models"],
            ["settings", "gamma"],
            ["--version"],
        ],
    )
    def test_a_reader_that_has_gone_is_no_failed_check(self, tiny: Path, arguments: list[str]) -> None:
        """As in `lander eval --fail-under 200 | head -1`: 1 would say that the mean was too low."""
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-c", "from lander_cli.main import main; main()", *arguments]
        with os.fdopen(writer, "wb") as pipe:
            child = subprocess.run(
                command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60, cwd=tiny.parent
            )
        assert child.returncode == 141
        assert "lander:" not in child.stderr
        assert "Error" not in child.stderr


ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


class TestColours:
    @pytest.mark.parametrize(
        "arguments", [["eval", "tiny.onnx", "--episodes", "1"], ["eval", "nothere.onnx"]]
    )
    def test_none_where_there_is_no_terminal(self, start: Start, tiny: Path, arguments: list[str]) -> None:
        found = start(*arguments).end()
        assert ESCAPE not in found.out + found.err
        assert found.err

    def test_on_a_terminal_there_are_and_no_color_takes_them_away(self, tiny: Path) -> None:
        plain, coloured = (on_a_terminal("inspect", "tiny.onnx", env=env) for env in ({"NO_COLOR": "1"}, {}))
        assert COLOUR.search(coloured)
        assert not COLOUR.search(plain)
        assert "lander" in plain


def on_a_terminal(*arguments: str, env: dict[str, str]) -> str:
    """What the command prints on a terminal."""
    pty = pytest.importorskip("pty", reason="no pseudo terminals here")
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if not name.endswith(("COLOR", "COMPATIBLE"))}
    child = subprocess.Popen(
        [sys.executable, "-c", "from lander_cli.main import main; main()", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "200", **env},
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65_536):
            seen += part
    except OSError as error:  # Linux's way of saying that the other end was closed.
        assert error.errno == errno.EIO
    finally:
        os.close(ours)
        child.wait(60)
    return seen.decode()


ODD_NAMES = [
    "with spaces and 'quotes'",
    "ünïcode 着陆",
    "[bold]not markup",
    ":rocket:",
    "$HOME;echo",
    "-leading",
    "back\\slash",
]


class TestOddPaths:
    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_every_path_comes_back_as_it_was_typed(self, lander: Lander, tiny: Path, name: str) -> None:
        """Above all in the next command, which is there to be pasted."""
        policy = Path(f"./{name}/{name}.onnx")
        policy.parent.mkdir()
        tiny.rename(policy)
        found = lander("eval", "--episodes", "1", "--gif", f"{name}/new/{name}.gif", "--", policy)
        assert found.code == 0
        new_folder, evaluating, *_ = found.err.splitlines()
        assert new_folder == f"The folder {name}/new is missing and will be made."
        assert evaluating.startswith(f"Evaluating {policy} (as named)")
        command, verb, path, *_ = shlex.split(found.next)
        assert (command, verb, Path(path)) == ("lander", "eval", policy)
        assert (Path(name) / "new" / f"{name}.gif").is_file()
        assert f"{name}/new/{name}.gif" in found.err

    @pytest.mark.parametrize("name", [*ODD_NAMES, "a[/bold]", "a[/"])
    def test_an_error_names_the_path_as_it_was_typed(self, lander: Lander, name: str) -> None:
        assert f"{name}.onnx" in lander("inspect", "--", f"{name}.onnx").message

    def test_a_next_command_that_starts_with_a_dash_still_runs(self, lander: Lander, tiny: Path) -> None:
        tiny.rename("-p.onnx")
        words = shlex.split(lander("inspect", "--", "-p.onnx").next)
        assert words[0] == "lander"
        assert lander(*words[1:], "--gif-episodes", "none").code == 0

    def test_a_command_inside_a_message_can_be_pasted_too(
        self, lander: Lander, add_run: Callable[..., Path]
    ) -> None:
        run = add_run().rename("my run")
        for arguments, command in [
            (["eval", run], "lander export 'my run'"),
            (["train", "CartPole-v1", "--out", run], "--resume 'my run'"),
            (["train", "--resume", run], "lander train --resume 'my run' --steps"),
        ]:
            assert command in lander(*arguments).err

    def test_an_absolute_path_stays_absolute(self, lander: Lander, tiny: Path) -> None:
        assert tiny.is_absolute()
        assert f" {tiny} " in lander("inspect", tiny).next


def test_output_that_cannot_hold_every_character_is_no_reason_to_fail(start: Start, tiny: Path) -> None:
    """Such as a redirected stdout on an old code page."""
    arguments = ["eval", tiny, "--episodes", "2", "--gif-episodes", "none"]
    found = start(*arguments, env={"PYTHONIOENCODING": "ascii"}).end()
    assert found.code == 0
    assert "mean return" in found.out
