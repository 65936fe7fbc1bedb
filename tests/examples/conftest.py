"""What `make browser` built, node, Chromium, and policy files that must be refused."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chromium import Chromium, find_chromium

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "lunarlander-v3" / "policy.onnx"


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder with lander.html and lander.wasm."""
    folder = ROOT / "build" / "browser"
    if not (folder / "lander.html").is_file():
        pytest.skip("the page is not built here; type: make browser")
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node here (Debian: apt-get install nodejs)")
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    command = find_chromium()
    if command is None:
        pytest.skip("no chromium here (Debian: apt-get install chromium)")
    with Chromium(command, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@dataclass(frozen=True)
class Bad:
    """A file that must be refused, and words of the reason."""

    file: Path
    words: str


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory: pytest.TempPathFactory) -> list[Bad]:
    folder, good = tmp_path_factory.mktemp("bad"), SHIPPED.read_bytes()
    # The first digit of the first golden logit, and a byte of the largest weight matrix.
    (digit,) = re.findall(rb'"logits": ?\[\[-?(\d)', good)[:1]
    golden = re.sub(rb'("logits": ?\[\[-?)\d', rb"\g<1>" + str((int(digit) + 5) % 10).encode(), good, count=1)
    weights = bytearray(good)
    weights[good.index(b"actor.2.weight", good.index(b"actor.4.bias")) + 200] ^= 64
    contents = {
        "cut.onnx": (good[:9000], "damaged"),
        "golden.onnx": (golden, "fails its golden vectors"),
        "weights.onnx": (bytes(weights), "weights are not those"),
        "notes.onnx": (b"not a network\n", "not a policy file"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    doom = ROOT / "models" / "doom-basic-v1" / "policy.onnx"
    return [
        *(Bad(folder / name, words) for name, (_, words) in contents.items()),
        Bad(doom, "other than a vector of numbers"),
    ]
