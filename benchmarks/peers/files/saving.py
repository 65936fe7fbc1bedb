"""What every make_*.py here shares: observations to compare on, and how a file is written for table.py.

A file NAME.pth (or .zip, .onnx) has beside it NAME.npz, with 1,000 observations and the greedy actions that
the library itself takes there, and NAME.json, which says how it was made. lander is not imported.
"""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

OBSERVATIONS = 1_000
SEED = 7


def observations(env_id: str) -> NDArray[np.float32]:
    """Observations `[1000, n]` of episodes with random actions."""
    env = gymnasium.make(env_id)
    env.action_space.seed(SEED)
    seen: list[Any] = []
    obs, _ = env.reset(seed=SEED)
    while len(seen) < OBSERVATIONS:
        seen.append(obs)
        obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            obs, _ = env.reset()
    return np.asarray(seen, np.float32)


def describe(
    file: Path,
    *,
    library: str,
    recipe: str,
    env_id: str,
    act: Callable[[NDArray[np.float32]], NDArray[Any]] | None,
    options: Sequence[str] = (),
    package: str | None = None,
    note: str = "",
) -> None:
    """Write what table.py needs beside `file`.

    Args:
        file: the checkpoint or ONNX file.
        library: its name in the table.
        recipe: what was trained, in a few words.
        env_id: the environment.
        act: observations `[n, k]` -> the library's greedy actions `[n]` or `[n, m]`, as the environment gets
            them; None where lander should refuse the file.
        options: what `lander` has to be told.
        package: the package whose version is noted; None where `note` says what was used.
        note: what else a reader should know.
    """
    seen = observations(env_id)
    actions = np.zeros(0) if act is None else np.asarray(act(seen))
    np.savez_compressed(file.with_suffix(".npz"), observations=seen, actions=actions)
    about = {
        "file": file.name, "library": library, "version": version(package) if package else "-",
        "recipe": recipe, "env": env_id, "options": list(options), "refused": act is None, "note": note,
    }  # fmt: skip
    file.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{file.name}: {len(np.unique(actions, axis=0))} different actions", flush=True)
