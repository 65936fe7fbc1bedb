"""Headers, compiled and run: observations in, outputs and actions out."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_export.c_header import Header, material_of, write_header
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.policy import Policy

HERE = Path(__file__).parent

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wdouble-promotion", "-Wshadow"]


def compiler(name: str) -> str:
    """Where a program is; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass(frozen=True)
class Answer:
    """What a compiled policy gave for some observations."""

    failed: int
    """Golden vectors that its self-test does not pass."""
    differences: list[float]
    """Of each golden vector."""
    outputs: NDArray[np.float32]
    actions: NDArray[np.float32]


@dataclass(frozen=True)
class Program:
    """A header with `driver.c`, compiled."""

    path: Path
    outputs: int

    def run(self, observations: NDArray[Any]) -> Answer:
        flat = observations.reshape(len(observations), -1).astype("<f4")
        child = subprocess.run([self.path], input=flat.tobytes(), capture_output=True, timeout=60)
        rows = np.frombuffer(child.stdout, "<f4").reshape(len(flat), -1)
        differences = [float(line) for line in child.stderr.decode().split()]
        return Answer(child.returncode, differences, rows[:, : self.outputs], rows[:, self.outputs :])


def build(
    header: Header, folder: Path, name: str = "gcc", standard: str = "-std=c99", *options: str
) -> Program:
    """Compile a header with every warning an error; skips the test where the compiler is not here."""
    folder = folder / f"{name}{standard}{''.join(options)}".replace("/", "_")
    folder.mkdir()
    (folder / "policy.h").write_text(header.text, encoding="ascii")
    language = "c++" if "++" in standard else "c"
    subprocess.run(
        [compiler(name), standard, "-O1", *STRICT, *options, f"-I{folder}", "-x", language,
         HERE / "driver.c", "-o", folder / "run", "-lm"],
        check=True, timeout=120,
    )  # fmt: skip
    return Program(folder / "run", header.material.network.outputs)


def header_of(policy: PolicyFile, content: bytes, name: str = "policy") -> Header:
    return write_header(material_of(policy, read_model(content, policy.path.name)), name)


def header_of_file(path: Path) -> Header:
    return header_of(Policy.load(path, "cpu"), path.read_bytes())


def header_of_foreign(content: bytes, env: str, **options: Any) -> Header:
    policy = ForeignPolicy.from_bytes(content, Path("theirs.onnx"), env, "cpu", **options)
    return header_of(policy, content)
