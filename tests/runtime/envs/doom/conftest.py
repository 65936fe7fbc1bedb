"""Doom's engines write into a temporary folder of each test."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, of this process and of those that it starts; by a link, as many a TMPDIR."""
    folder, link = tmp_path / "temporary", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    monkeypatch.setenv("TMPDIR", str(link))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder
