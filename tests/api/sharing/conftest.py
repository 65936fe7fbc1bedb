"""The stand-in for the Hub, on a socket, while a test runs."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_stand_in import TOKEN, Hub, serving


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, where huggingface_hub is told to look; somebody is logged in, with an empty cache."""
    stand_in = Hub()
    server = serving(stand_in)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
