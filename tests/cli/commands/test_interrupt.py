"""Ctrl-C in eval and compare prints what was scored so far; on a terminal no bar stays behind."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

SHIPPED = Path(__file__).parents[3] / "models" / "lunarlander-v3" / "policy.onnx"

IN_STEP = """
import os, signal
from lander_runtime.episodes.lane import Lane

advance, steps = Lane.advance, 0

def interrupting(lane, action):
    global steps
    steps += 1
    if steps == {at}:
        os.kill(os.getpid(), signal.SIGINT)
    return advance(lane, action)

Lane.advance = interrupting
"""
"""The tiny policy crashes after some 65 steps: 32 lanes have ended their first episodes after some 3,000."""

AFTER_A_SHARD = """
import os, signal
from lander_runtime.scores.results import Collected

add = Collected.add

def interrupting(collected, episodes):
    add(collected, episodes)
    os.kill(os.getpid(), signal.SIGINT)

Collected.add = interrupting
"""


def test_eval_prints_the_first_episodes(start: Any, lander: Any, tiny: Path) -> None:
    arguments = ["eval", tiny, "--workers", "1", "--out", "report.json"]
    stopped = start(*arguments, "--episodes", "500", prelude=IN_STEP.format(at=5000)).end()
    assert stopped.code == 130
    assert "Partial: Ctrl-C ended it, so this is of the first " in stopped.err
    assert "Traceback" not in stopped.err
    assert "mean return" in stopped.out
    assert not Path("report.json").exists(), "a part must not be taken for the whole"
    assert "Next:" not in stopped.err


@pytest.mark.parametrize("prelude", [IN_STEP.format(at=5000), AFTER_A_SHARD], ids=["in a step", "between"])
def test_partial_json_is_the_report_of_the_first_episodes(
    start: Any, lander: Any, tiny: Path, prelude: str
) -> None:
    stopped = start("eval", tiny, "--workers", "1", "--episodes", "500", "--json", prelude=prelude).end()
    assert stopped.code == 130
    partial = json.loads(stopped.out)
    assert partial.pop("partial") is True
    assert 20 <= partial["episodes"] < 500
    whole = json.loads(lander("eval", tiny, "--episodes", partial["episodes"], "--json").out)
    assert partial["report_sha256"] == whole["report_sha256"]


def test_with_workers(start: Any, lander: Any, tiny: Path) -> None:
    arguments = ["eval", tiny, "--workers", "2", "--episodes", "500", "--json"]
    stopped = start(*arguments, prelude=AFTER_A_SHARD).end()
    assert stopped.code == 130
    partial = json.loads(stopped.out)
    assert partial["partial"] is True
    whole = json.loads(lander("eval", tiny, "--episodes", partial["episodes"], "--json").out)
    assert partial["report_sha256"] == whole["report_sha256"]


def test_before_the_first_episode_has_ended(start: Any, tiny: Path) -> None:
    arguments = ["eval", tiny, "--workers", "1", "--json"]
    stopped = start(*arguments, prelude=IN_STEP.format(at=3)).end()
    assert stopped.code == 130
    assert json.loads(stopped.out) == {"schema": "lander.evaluation/1", "episodes": 0, "partial": True}
    assert "before the first episode had ended" in stopped.err


def test_a_partial_report_is_no_report(start: Any, lander: Any, tiny: Path) -> None:
    stopped = start(
        "eval", tiny, "--workers", "1", "--episodes", "500", "--json", prelude=AFTER_A_SHARD
    ).end()
    Path("part.json").write_text(stopped.out)
    refused = lander("compare", "part.json", "part.json")
    assert refused.code == 3
    assert "Ctrl-C ended this evaluation early" in refused.message


def test_compare_prints_what_all_policies_have(start: Any, tiny: Path) -> None:
    arguments = ["compare", tiny, SHIPPED, "--workers", "1", "--episodes", "60", "--json"]
    # The first policy has run its 60 episodes of some 65 steps by then, and the second most of its 60 of 170.
    stopped = start(*arguments, prelude=IN_STEP.format(at=12_000)).end()
    assert stopped.code == 130
    partial = json.loads(stopped.out)
    assert partial["partial"] is True
    assert partial["schema"] == "lander.comparison/1"
    assert 0 < partial["episodes"] < 60
    assert [len(policy["returns"]) for policy in partial["policies"]] == [partial["episodes"]] * 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")
def test_on_a_terminal_the_bar_goes_and_the_message_stays(tiny: Path) -> None:
    import pty

    # Tests that run in the background may have their children ignore Ctrl-C.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listen}\n{IN_STEP.format(at=5000)}\nfrom lander_cli.main import main\nmain()"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = ["eval", str(tiny), "--workers", "1", "--episodes", "500"]
        os.execv(sys.executable, [sys.executable, "-c", code, *command])
    written = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed.
            break
        if not more:
            break
        written += more
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert "Partial: Ctrl-C ended it" in written.decode()
    # Shown again, and the bar's line cleared.
    assert written.rindex(b"\x1b[?25h") > written.rindex(b"\x1b[?25l")
    after_the_bar = written[written.rindex(b"\x1b[2K") :]
    assert b"episodes \xe2\x94" not in after_the_bar
