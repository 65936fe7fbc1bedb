"""The examples in C: compiled as their first lines say, the actions of `Policy.act`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import lander_rl
from lander_runtime import Policy


@pytest.fixture(scope="module")
def gcc() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("gcc is not installed")
    return found


def spoken(observations: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value:.9g}" for value in row) for row in observations)


def test_the_header_and_onnx_runtime_act_like_the_policy(gcc: str, root: Path, tmp_path: Path) -> None:
    source, path = root / "examples" / "c", root / "models" / "lunarlander-v3" / "policy.onnx"
    obs = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
    expected = "".join(f"{action}\n" for action in Policy.load(path, "cpu").act(obs))
    lander_rl.export_c(path, tmp_path / "policy.h")
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    program = tmp_path / "act"
    subprocess.run([gcc, *strict, source / "act.c", f"-I{tmp_path}", "-o", program, "-lm"], check=True)
    child = subprocess.run([program], input=spoken(obs), capture_output=True, text=True, check=True)
    assert child.stdout == expected
    for wrong in ("a b", "1 2 3", spoken(obs[:1]) + " 4", "nan 0 0 0 0 0 0 0"):
        child = subprocess.run([program], input=wrong, capture_output=True, text=True)
        assert child.returncode == 2
        assert re.fullmatch("Expected 8 finite numbers .*\n", child.stderr)

    include = os.environ.get("ONNXRUNTIME_INCLUDE")
    if include is None:
        pytest.skip("ONNXRUNTIME_INCLUDE does not name the folder of onnxruntime_c_api.h")
    [library, *_] = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (tmp_path / name).symlink_to(library)
    other = tmp_path / "act_onnxruntime"
    link = [f"-I{include}", f"-L{tmp_path}", "-lonnxruntime", f"-Wl,-rpath,{tmp_path}"]
    subprocess.run([gcc, "-std=c99", "-O2", source / "act_onnxruntime.c", *link, "-o", other], check=True)
    child = subprocess.run([other, path], input=spoken(obs), capture_output=True, text=True, check=True)
    assert child.stdout == expected


def test_the_first_lines_of_act_c_work_from_the_top_folder(gcc: str, root: Path, tmp_path: Path) -> None:
    """As they are printed, in a folder that looks like the checkout; the export is made by its function."""
    for name in ("examples", "models"):
        (tmp_path / name).symlink_to(root / name)
    text = (root / "examples" / "c" / "act.c").read_text(encoding="utf-8")
    export, *typed = re.findall(r"^ {7}(\S.*?)(?: \*/)?$", text.partition("#include")[0], re.MULTILINE)
    words = export.split()
    lander_rl.export_c(tmp_path / words[2], tmp_path / words[words.index("--out") + 1])
    child = subprocess.run(
        " && ".join(typed), shell=True, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"[0-3]\n", child.stdout)


def test_the_readme_has_ten_lines(root: Path) -> None:
    text = (root / "examples" / "c" / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 10
    assert set(re.findall(r"`(act\w*\.c)`", text)) == {
        path.name for path in (root / "examples" / "c").glob("*.c")
    }
