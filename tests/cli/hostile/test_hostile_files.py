"""Hostile names in a stranger's ONNX file, and files of no kind of ours."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from hostile_texts import EVIL, tried


def test_names_in_a_strangers_graph(lander: Any, tiny_path: Path, tmp_path: Path) -> None:
    """Every name in an ONNX file, without metadata and with `--env`."""
    evil = EVIL.replace("\x00", "")
    for where in range(9):
        model = onnx.load(tiny_path)
        del model.metadata_props[:]
        graph = model.graph
        renamed = [
            *(graph.input[0], graph.output[0], graph.output[1], graph.initializer[0], graph.node[0], graph),
        ]
        if where < len(renamed):
            rename(model, renamed[where].name, evil)
            renamed[where].name = evil
        elif where == 6:
            graph.node[0].op_type = evil
        elif where == 7:
            graph.node[0].domain = evil
        else:
            graph.input[0].type.tensor_type.shape.dim[0].dim_param = evil
        path = tmp_path / "f.onnx"
        path.write_bytes(model.SerializeToString())
        tried(lander, "inspect", path)
        tried(lander, "eval", path, "--env", "LunarLander-v3", "--episodes", 1, "--workers", 1, "--json")
        tried(lander, "compare", path, path, "--env", "LunarLander-v3", "--episodes", 1, "--workers", 1)


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Every use of a value's name."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


@pytest.mark.parametrize("command", ["inspect", "eval", "replay", "merge", "export", "plot"])
def test_a_file_whose_name_and_content_are_hostile(lander: Any, tmp_path: Path, command: str) -> None:
    name = EVIL[:60].replace("/", "").replace("\x00", "") + "[bold]"
    for suffix in (".onnx", ".json", ".safetensors", ".zip", ".pth", ".jsonl.gz"):
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(EVIL.encode("utf-8", "replace"))
        tried(lander, command, path)
        path.unlink()
        tried(lander, command, path)
