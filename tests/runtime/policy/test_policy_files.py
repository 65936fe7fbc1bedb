"""Files that are no policies at all, or point at other files: each is refused in words, and in silence.

Whatever a stranger's file holds, `Policy.load` either works or raises one of our own errors.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from lander_runtime import InputRefused, LanderError, Policy

Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"absent\.onnx does not exist\."):
        Policy.load(tmp_path / "absent.onnx")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"expected a file, found a folder"):
        Policy.load(tmp_path)


def test_a_path_through_a_file_is_refused(tiny_discrete: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        Policy.load(tiny_discrete / "policy.onnx")


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        Policy.load("policy\0.onnx")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    """Devices such as /dev/zero too: they have size 0 and no end."""
    os.mkfifo(tmp_path / "policy.onnx")
    code = """if True:
        import sys
        from lander_runtime import InputRefused, Policy
        try:
            Policy.load(sys.argv[1])
        except InputRefused:
            sys.exit(3)
    """
    child = subprocess.run([sys.executable, "-c", code, tmp_path / "policy.onnx"], timeout=10)
    assert child.returncode == 3


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    """One byte more than the limit, all of it a hole that takes no space on the disk."""
    path = tmp_path / "policy.onnx"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(
        InputRefused, match=r"policy\.onnx: 67 MB is more than a policy has\. .* add: --large"
    ):
        Policy.load(path)
    with pytest.raises(InputRefused, match=r"policy\.onnx: not an ONNX file"):
        Policy.load(path, large=True)
    with path.open("r+b") as file:
        file.truncate(512 * 1024 * 1024 + 1)
    with pytest.raises(InputRefused, match=r"policy\.onnx: 537 MB is too large for a policy"):
        Policy.load(path, large=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0" * 10_000,
        np.random.default_rng(1).bytes(10_000),
        b"\x80\x04\x95" + b"a pickle" * 20,
        b"PK\x03\x04" + b"a zip archive, as PyTorch writes them" * 20,
        b'{"lander.policy": {}}',
        b"GIF89a",
    ],
    ids=["empty", "one zero", "zeros", "noise", "pickle", "zip", "JSON", "GIF"],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "policy.onnx").write_bytes(content)
    with pytest.raises(InputRefused, match=r"^policy\.onnx: |policy\.onnx is empty\.$"):
        Policy.load(tmp_path / "policy.onnx", "cpu")


def test_every_truncation_is_refused(tiny_discrete: Path, load: Load) -> None:
    content = tiny_discrete.read_bytes()
    for length in range(0, len(content) - 1, 13):
        with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
            load(content[:length])


def test_onnx_runtimes_own_format_is_refused(tmp_path: Path, tiny_discrete: Path) -> None:
    """It is no ONNX: another application could not read it, and sizes in it are taken on trust."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.optimized_model_filepath = str(tmp_path / "policy.onnx")
    onnxruntime.InferenceSession(tiny_discrete, options, providers=["CPUExecutionProvider"])
    with pytest.raises(InputRefused, match=r"^policy\.onnx: "):
        Policy.load(tmp_path / "policy.onnx", "cpu")


def test_an_onnx_file_of_somebody_else_is_refused(
    tiny_discrete: Path, with_metadata: Callable[..., bytes], load: Load
) -> None:
    with pytest.raises(InputRefused, match=r"without the entry 'lander\.policy'.* lander export"):
        load(with_metadata(tiny_discrete, None))


def test_a_refused_file_prints_nothing(
    tiny_discrete: Path, load: Load, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime announces on stdout that it tries again elsewhere, which would spoil `--json`."""
    content = tiny_discrete.read_bytes()
    for spoilt in (
        content.replace(b"TopK", b"To\xffK"),
        content[:500],
        b"",
        content.replace(b"TopK", b"TopQ"),
    ):
        with pytest.raises(LanderError):
            load(spoilt)
    assert capfd.readouterr() == ("", "")


# External data: a file may not make us read another


def point_outside(location: str, *, as_constant: bool = False) -> Callable[[onnx.ModelProto], None]:
    """Let the head's weights come from the file at `location`."""

    def change(model: onnx.ModelProto) -> None:
        tensor = next(item for item in model.graph.initializer if item.name == "head.weight")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "256")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        if as_constant:
            moved = TensorProto()
            moved.CopyFrom(tensor)
            model.graph.initializer.remove(tensor)
            model.graph.node.insert(0, helper.make_node("Constant", [], ["head.weight"], value=moved))

    return change


@pytest.mark.parametrize("as_constant", [False, True], ids=["initialiser", "constant"])
@pytest.mark.parametrize(
    "location",
    ["weights.bin", "./weights.bin", "../secret.bin", "folder/../../secret.bin", "{absolute}", "absent.bin"],
)
def test_external_data_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_discrete: Path,
    with_changed_graph: Rebuild,
    location: str,
    as_constant: bool,
) -> None:
    """All of these but the last exist and are long enough, beside the policy and above it."""
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    secret = np.full((16, 4), 0.5, np.float32).tobytes()
    (tmp_path / "secret.bin").write_bytes(secret)
    (home / "weights.bin").write_bytes(secret)
    location = location.format(absolute=tmp_path / "secret.bin")
    change = point_outside(location, as_constant=as_constant)
    (home / "policy.onnx").write_bytes(with_changed_graph(tiny_discrete, change))
    monkeypatch.chdir(home)
    for path in (Path("policy.onnx"), home / "policy.onnx"):
        with pytest.raises(InputRefused, match=r"^policy\.onnx: "):
            Policy.load(path, "cpu")
