"""What `make` would install, by its dry run: one build of ONNX Runtime, one environment for each Python."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def test_one_build_of_onnx_runtime_is_installed() -> None:
    """`dev` and what it brings must not add the other one: both write the same files."""
    names = {"onnxruntime", "onnxruntime-gpu"}
    assert len(names & {found.name for found in distributions()}) == 1


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` reads of the repository, with no environment yet."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tests/examples/judge/package.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


def dry_run(clone: Path, *arguments: str, path: Path | None = None) -> tuple[str, str]:
    """What `make` would do and what it complains of; programs are looked for in `path` first."""
    search = os.environ["PATH"] if path is None else f"{path}:{os.environ['PATH']}"
    found = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=clone,
        env=os.environ | {"MAKEFLAGS": "", "PATH": search},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return found.stdout, found.stderr


def program(folder: Path, name: str, prints: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {prints}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("build", "wanted", "other"),
    [
        ("cpu", "train,eval,cpu", "onnxruntime-gpu"),
        ("gpu", "train,eval,gpu", "onnxruntime"),
        ("cuda", "train,eval,cuda", "onnxruntime"),
    ],
)
def test_the_other_build_goes_before_the_chosen_one_comes(
    clone: Path, build: str, wanted: str, other: str
) -> None:
    done, complaints = dry_run(clone, "demo", f"ONNXRUNTIME={build}")
    assert complaints == ""
    looked, removed, installed = (
        done.index(part) for part in (f"pip show --quiet {other} ", "pip uninstall", f"'.[{wanted}]'")
    )
    assert looked < removed < installed


@pytest.mark.parametrize("target", ["demo", "test"])
def test_only_the_tests_install_dev(clone: Path, target: str) -> None:
    done, _ = dry_run(clone, target, "ONNXRUNTIME=cpu")
    assert ("'.[train,eval,cpu,dev]'" in done) == (target == "test")


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="there is no GPU build for this machine"
)
def test_an_nvidia_driver_chooses_the_gpu_build_and_cudas_libraries(clone: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "nvidia-smi", "a GPU")
    done = dry_run(clone, "demo", path=tmp_path / "bin")[0]
    assert "'.[train,eval,cuda]'" in done
    assert "The first time: 1.8 GB to download" in done
    assert "(3.1 GB where PyTorch comes with CUDA)" in done


def test_a_build_that_does_not_exist_is_refused(clone: Path) -> None:
    assert "ONNXRUNTIME=rocm is none of cpu, gpu and cuda" in dry_run(clone, "demo", "ONNXRUNTIME=rocm")[1]


def test_each_python_version_has_an_environment_of_its_own(clone: Path, tmp_path: Path) -> None:
    for name, version in (("python3", "3.11"), ("python3.11", "3.11"), ("python3.13", "3.13")):
        program(tmp_path / "bin", name, version)
    for name, place in (("python3", ".venv"), ("python3.11", ".venv"), ("python3.13", ".venv-3.13")):
        done, complaints = dry_run(clone, "test", f"PYTHON={name}", path=tmp_path / "bin")
        assert complaints == ""
        assert f"{name} -m venv {place}\n" in done
        assert f"\n{place}/bin/pytest" in done


@pytest.mark.parametrize(
    ("version", "complaint"),
    [(None, "No python3.99 here. lander needs Python 3.11 to 3.13"), ("3.99", "python3.99 is Python 3.99")],
)
def test_a_python_that_does_not_do_is_refused_in_one_line(
    clone: Path, tmp_path: Path, version: str | None, complaint: str
) -> None:
    if version is not None:
        program(tmp_path / "bin", "python3.99", version)
    found = subprocess.run(
        ["make", "--silent", "install", "PYTHON=python3.99"],
        cwd=clone,
        env=os.environ | {"MAKEFLAGS": "", "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode != 0
    assert found.stderr.startswith(complaint)
    assert not list(clone.glob(".venv*"))
