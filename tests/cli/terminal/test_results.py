"""stdout is for results: all else that is printed there, by Python or by compiled code, goes to stderr."""

import subprocess
import sys

import pytest

from lander_cli.terminal.results import results, results_only

WITHIN = """
import os, sys
from lander_cli.terminal.results import results, results_only

print("before")
with results_only():
    print("an environment", flush=True)
    os.write(1, b"compiled code\\n")
    os.system("echo another program")
    print("the result", file=results(), flush=True)
print("after")
assert results() is sys.stdout
"""


def run(code: str, redirection: str = "") -> tuple[int, list[str], list[str]]:
    line = f'"$0" -c "$1" {redirection}'
    done = subprocess.run(["sh", "-c", line, sys.executable, code], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of Unix")
class TestAProcess:
    def test_only_the_result_is_on_stdout(self) -> None:
        code, out, err = run(WITHIN)
        assert (code, out) == (0, ["before", "the result", "after"])
        assert err == ["an environment", "compiled code", "another program"]

    def test_a_closed_stdout_ends_nothing(self) -> None:
        code, out, err = run(WITHIN.replace("assert results() is sys.stdout", ""), ">&-")
        assert (code, out) == (0, [])
        assert "an environment" in err

    def test_a_closed_stderr_ends_nothing(self) -> None:
        """What compiled code prints then has no other place than stdout."""
        code, out, _ = run(WITHIN, "2>&-")
        assert code == 0
        assert [line for line in out if line != "compiled code" and line != "another program"] == [
            "before",
            "the result",
            "after",
        ]


def test_in_this_process_where_stdout_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    with results_only():
        print("an environment")
        print("the result", file=results())
    captured = capsys.readouterr()
    assert captured.out == "the result\n"
    assert captured.err == "an environment\n"
