"""Errors at the command's border: the sentence, the exit code, and that `--debug` changes neither."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lander_cli import main
from lander_cli.failures import explain
from lander_cli.terminal.interrupts import StopRequest
from lander_runtime import CheckFailed, EnvironmentFailed, InputRefused, LanderError, MachineLacks, UsageError
from lander_trainer.ppo.rollout import Collector

Lander = Callable[..., Any]

CUDA_MESSAGE = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which "
    "1.20 GiB is free.\nSee documentation for Memory Management."
)


@pytest.mark.parametrize(
    ("error", "code"),
    [(CheckFailed, 1), (UsageError, 2), (InputRefused, 3), (MachineLacks, 4), (EnvironmentFailed, 5)],
)
def test_our_own_errors_speak_for_themselves(error: type[LanderError], code: int) -> None:
    found = explain(error("A sentence."), ["eval"])
    assert found is not None
    assert (found.sentence, found.exit_code) == ("A sentence.", code)


def test_a_full_gpu_is_what_the_machine_lacks() -> None:
    """The class is PyTorch's own; the CPU build has it too."""
    found = explain(torch.OutOfMemoryError(CUDA_MESSAGE), ["train"])
    assert found is not None
    assert found.exit_code == 4
    assert found.sentence.startswith("The GPU has not enough free memory for this: CUDA out of memory.")
    assert "--device cpu" in found.sentence
    assert "\n" not in found.sentence


def test_an_error_of_that_name_from_elsewhere_is_not_taken_for_it() -> None:
    class OutOfMemoryError(Exception): ...

    assert explain(OutOfMemoryError("a game's own"), ["train"]) is None


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_lack_of_memory_is_what_the_machine_lacks(error: Exception) -> None:
    found = explain(error, ["train"])
    assert found is not None
    assert found.exit_code == 4
    assert "memory" in found.sentence


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, 4), (errno.EDQUOT, 4), (errno.EACCES, 3), (errno.ENOTDIR, 3)]
)
def test_what_the_system_refuses_is_named_without_its_number(number: int, code: int) -> None:
    found = explain(OSError(number, os.strerror(number), "some/file"), ["export"])
    assert found is not None
    assert found.exit_code == code
    assert found.sentence == f"The system refused: some/file ({os.strerror(number)})."


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("a bug"), KeyError("x"), ValueError()])
def test_faults_of_the_program_are_not_explained(error: Exception) -> None:
    assert explain(error, ["train"]) is None


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_fault_of_the_program_is_a_line_that_says_how_to_report_it(
    debug: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(**options: object) -> None:
        raise RuntimeError("a bug\x1b[31m\nmore")

    monkeypatch.setattr(main, "app", faulty)
    with pytest.raises(SystemExit) as ended:
        main._run(["eval", *debug], StopRequest())
    found = capsys.readouterr().err
    assert ended.value.code == 70
    assert "A fault of lander itself (RuntimeError: a bug" in found
    assert "\x1b" not in found
    assert ("Traceback" in found) == bool(debug)
    assert debug or found.count("\n") == 1


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_training_on_a_full_gpu_ends_with_a_sentence(
    lander: Lander, tiny_run: list[str], debug: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError(CUDA_MESSAGE)

    monkeypatch.setattr(Collector, "collect", full)
    found = lander("train", *tiny_run, *debug)
    assert found.code == 4
    assert "GPU has not enough free memory" in found.message
    assert ("Traceback" in found.err) == bool(debug)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_debug_shows_where_a_full_disk_was_met_and_keeps_the_exit_code(tiny: Path) -> None:
    command = [sys.executable, "-c", "from lander_cli.main import main; main()", "--debug", "inspect", tiny]
    with Path("/dev/full").open("wb") as full:
        child = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert child.returncode == 4
    assert "Traceback (most recent call last)" in child.stderr
    assert os.strerror(errno.ENOSPC) in child.stderr
