"""What each command loads: help, scoring and inspecting do without PyTorch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]


@pytest.fixture
def modules_of(start: Start, tmp_path: Path) -> Callable[..., set[str]]:
    """(arguments) -> the top-level modules that the command had loaded when it ended."""

    def loaded(*arguments: object) -> set[str]:
        report = tmp_path / "modules.txt"
        names = "*{name.partition('.')[0] for name in sys.modules}"
        prelude = (
            f"import atexit, sys\natexit.register(lambda: print({names}, file=open({str(report)!r}, 'w')))"
        )
        found = start(*arguments, prelude=prelude).end()
        assert found.code == 0, found.err
        return set(report.read_text().split())

    return loaded


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["plot", "--help"], ["compare", "--help"], ["replay", "--help"]],
)
def test_help_loads_nothing_heavy(modules_of: Callable[..., set[str]], arguments: list[str]) -> None:
    loaded = modules_of(*arguments)
    assert "lander_cli" in loaded
    assert loaded.isdisjoint(["torch", "gymnasium", "onnxruntime", "onnx", "numpy", "matplotlib", "PIL"])


def test_eval_never_loads_torch_even_where_it_records(
    modules_of: Callable[..., set[str]], tiny: Path
) -> None:
    loaded = modules_of("eval", tiny, "--episodes", "1", "--gif", "episode.gif")
    assert Path("episode.gif").is_file()
    assert {"gymnasium", "onnxruntime"} <= loaded
    assert loaded.isdisjoint(["torch", "onnx", "onnxscript", "lander_trainer", "lander_export"])


def test_inspect_needs_onnxruntime_only(modules_of: Callable[..., set[str]], tiny: Path) -> None:
    loaded = modules_of("inspect", tiny)
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint(["torch", "onnx", "gymnasium", "lander_trainer", "lander_export"])
