"""Builds a web page that plays a recorded episode's pictures and shows what an image policy makes of them.

    python examples/images/build.py [POLICY.onnx] [--seed N] [--out FOLDER]       what `make images` runs
    python -m http.server --bind 127.0.0.1 --directory build/images 8000          then open http://127.0.0.1:8000

The network runs in the page, by onnxruntime-web, which npm fetches (33 MB to download, 14 MB of it are kept).
The episode is run and recorded here, since the game does not run in a browser.
"""

import argparse
import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lander_runtime import LanderError, Policy
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.spec import Space

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

RUNTIME = "onnxruntime-web@1.30.0"
RUNTIME_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PAGE_FILES = ("index.html", "page.css", "page.js", "pictures.js")


class NotBuilt(Exception):
    """Why there is no page, in a sentence."""


def main() -> int:
    """Builds the page; 0 where it is there afterwards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "policy", nargs="?", type=Path, default=ROOT / "models/doom-defendcenter-v1/policy.onnx"
    )
    parser.add_argument("--seed", type=int, default=FIRST_EVALUATION_SEED)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "images")
    options = parser.parse_args()
    if options.seed < 0:
        parser.error("--seed should be 0 or more")
    try:
        build(options.policy, options.seed, options.out)
    except (NotBuilt, LanderError) as reason:
        sys.stderr.write(f"No page of pictures: {reason}\n")
        return 1
    for path in sorted(options.out.iterdir()):
        sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes\n")
    return 0


def build(path: Path, seed: int, out: Path) -> None:
    """Write the page for the policy at `path` into the folder `out`.

    Raises:
        LanderError: the policy cannot be opened, or its environment not be run.
        NotBuilt: it does not choose one of some actions by pictures, or npm does not give its runtime.
    """
    policy = Policy.load(path, "cpu")
    layout = picture_layout(policy.observation)
    if layout is None or policy.action.type != "Discrete":
        raise NotBuilt(f"{path.name} does not look at pictures of uint8 to choose one of some actions.")
    out.mkdir(parents=True, exist_ok=True)
    if not all((out / name).is_file() for name in RUNTIME_FILES):
        fetch_runtime(out)
    observations, episode = record(policy, seed)
    (out / "episode.json").write_text(json.dumps({**episode, "picture": layout}), encoding="utf-8")
    (out / "episode.bin").write_bytes(gzip.compress(observations.tobytes(), mtime=0))
    shutil.copyfile(path, out / "policy.onnx")
    for name in PAGE_FILES:
        shutil.copyfile(HERE / name, out / name)


def picture_layout(space: Space) -> dict[str, int] | None:
    """Where the newest picture is in an observation, in numbers; None where there is none.

    Of a stack `[stack, height, width]` or `[stack, height, width, 3]` the last one is the newest; a single
    picture is `[height, width]` or `[height, width, channels]`.
    """
    shape = space.shape
    if space.dtype != "uint8" or not 2 <= len(shape) <= 4:
        return None
    channels = shape[-1] if len(shape) >= 3 and shape[-1] in (1, 3) else 1
    sizes = shape[:-1] if len(shape) >= 3 and shape[-1] in (1, 3) else shape
    if len(sizes) not in (2, 3):
        return None
    height, width = sizes[-2:]
    offset = int(np.prod(shape)) - height * width * channels
    return {"offset": offset, "height": height, "width": width, "channels": channels}


def record(policy: Policy, seed: int) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """One greedy episode: its observations `[steps, *obs_shape]`, and what else the page wants of it."""
    seen: list[np.ndarray[Any, Any]] = []
    logits: list[list[float]] = []

    def act(obs: np.ndarray[Any, Any], generators: object) -> np.ndarray[Any, Any]:
        seen.append(obs.copy())
        outputs = policy.outputs(obs)
        logits.append(outputs["logits"][0].tolist())
        return outputs["action"]

    (episode,) = run_episodes(act, policy.env, [seed])
    names = [component.name for component in policy.action.components]
    count = policy.action.n or 0
    return np.concatenate(seen), {
        "env": policy.env.id,
        "seed": seed,
        "shape": list(policy.observation.shape),
        "steps": len(seen),
        "return": episode.return_,
        "actions": names or [f"action {number}" for number in range(count)],
        "logits": logits,
    }


def fetch_runtime(out: Path) -> None:
    """Three files of onnxruntime-web, its archive's digest checked."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotBuilt("npm is not here, which fetches onnxruntime-web (Debian: apt-get install npm).")
    with tempfile.TemporaryDirectory() as scratch:
        fetched = subprocess.run(
            [npm, "pack", RUNTIME, "--silent", "--pack-destination", scratch], capture_output=True, text=True
        )
        archives = list(Path(scratch).glob("*.tgz"))
        if fetched.returncode != 0 or len(archives) != 1:
            raise NotBuilt(
                f"npm does not give {RUNTIME}: {(fetched.stderr.strip().splitlines() or ['?'])[-1]}"
            )
        content = archives[0].read_bytes()
        if base64.b64encode(hashlib.sha512(content).digest()).decode() != RUNTIME_SHA512:
            raise NotBuilt(f"{RUNTIME} is not what it was when this was written.")
        with tarfile.open(archives[0]) as packed:
            for name in RUNTIME_FILES:
                member = packed.extractfile(f"package/dist/{name}")
                assert member is not None, name
                (out / name).write_bytes(member.read())


if __name__ == "__main__":
    raise SystemExit(main())
