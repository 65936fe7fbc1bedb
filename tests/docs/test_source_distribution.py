"""The source distribution is a list in pyproject.toml; here it is compared with what git tracks."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = {".ci", ".github", ".gitignore", "pyproject.toml"}
"""Of use on a code host only, or packed by hatchling in any case."""


def test_it_names_everything_that_is_tracked() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    tracked = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = table["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert sorted(named) == sorted({path.partition("/")[0] for path in tracked.splitlines()} - LEFT_OUT)
