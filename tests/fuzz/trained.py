"""Files of a training: checkpoints, the settings and metrics of a run, statistics of observations."""

import json
import random
import struct
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from tests.fuzz.mutations import as_json, bytes_changed, json_changed
from tests.fuzz.pickles import opcodes_changed
from tests.fuzz.target import Target

from lander_runtime.spec import EnvSpec

_SB3 = Path(__file__).parents[1] / "data" / "sb3"


_CONFIG: dict[str, Any] = {
    "env": "CartPole-v1", "steps": 256, "lanes": 4, "rollout_steps": 32, "minibatches": 2, "epochs": 1,
    "hidden_sizes": (8,), "selection_episodes": 1, "selections": 1, "backend": "gymnasium", "device": "cpu",
    "workers": 1, "normalize_observations": True, "normalize_rewards": True,
}  # fmt: skip
"""Of a run of less than a second."""


def _trained(folder: Path) -> Path:
    from lander_trainer import RunDirectory, TrainConfig, train

    config = TrainConfig().with_values(_CONFIG)
    run = RunDirectory.create(config.env, folder / "run")
    train(config, run)
    return run.path


def _checkpoints(folder: Path) -> list[tuple[str, bytes]]:
    files = [_trained(folder) / "checkpoint.safetensors", _SB3 / "ppo-LunarLander.zip"]
    return [(file.name, file.read_bytes()) for file in files]


def _change_checkpoint(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return bytes_changed(rng, data)
    return _change_zip(rng, data) if data.startswith(b"PK") else _change_safetensors(rng, data)


def _change_safetensors(rng: random.Random, data: bytes) -> bytes:
    [length] = struct.unpack("<Q", data[:8])
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    about = header.get("__metadata__", {})
    if about and rng.random() < 0.6:
        key = rng.choice(list(about))
        about[key] = as_json(json_changed(rng, json.loads(about[key])))
    else:
        header = json_changed(rng, header)
    written = as_json(header).encode()
    size = len(written) if rng.random() < 0.95 else rng.choice((0, 2**40, 2**63, len(written) - 1))
    return struct.pack("<Q", size) + written + rest


def _change_zip(rng: random.Random, data: bytes) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            content = old.read(name)
            if name == chosen:
                content = _change_member(rng, name, content)
            if name != chosen or rng.random() < 0.95:
                new.writestr(name, content)
    return made.getvalue()


def _change_member(rng: random.Random, name: str, content: bytes) -> bytes:
    if name == "data":
        return as_json(json_changed(rng, json.loads(content))).encode()
    if name.endswith(".pth") and content.startswith(b"PK") and rng.random() < 0.7:
        return _change_zip(rng, content)
    return bytes_changed(rng, content)


def _read_checkpoint(path: Path) -> None:
    from lander_export.source import load_source
    from lander_trainer import RunDirectory, TrainConfig, train
    from lander_trainer.runs.checkpoint import Checkpoint

    if path.suffix == ".zip":
        load_source(path, EnvSpec("LunarLander-v3"))
        return
    checkpoint = Checkpoint.load(path)
    checkpoint.network()
    checkpoint.normaliser()
    load_source(path)
    config = checkpoint.config
    if config == TrainConfig().with_values(_CONFIG) and checkpoint.progress.updates < 10:
        # One more update. With other settings it could take any time.
        longer = replace(
            config, steps=(checkpoint.progress.updates + 1) * config.lanes * config.rollout_steps
        )
        train(longer, RunDirectory(path.parent), resume=True)


CHECKPOINT = Target(_checkpoints, _change_checkpoint, _read_checkpoint)


# Settings and metrics


def _run_files(folder: Path) -> list[tuple[str, bytes]]:
    path = _trained(folder)
    return [(name, (path / name).read_bytes()) for name in ("metrics.jsonl", "config.toml")]


def _change_run_file(rng: random.Random, data: bytes) -> bytes:
    if not data.startswith(b"{") or rng.random() < 0.3:
        return bytes_changed(rng, data)
    lines = data.splitlines()
    place = rng.randrange(len(lines))
    lines[place] = as_json(json_changed(rng, json.loads(lines[place]))).encode()
    return b"\n".join(lines) + b"\n"


def _read_run_file(path: Path) -> None:
    from lander_trainer import RunDirectory
    from lander_trainer.runs.run_history import read_history

    run = RunDirectory(path.parent)
    if path == run.metrics:
        run.config.write_text('env = "CartPole-v1"\n')
        run.drop_metrics_after(1)
    else:
        run.metrics.write_text('{"update": 1, "steps": 8, "seconds": 0.5}\n')
    read_history(path.parent)


RUN = Target(_run_files, _change_run_file, _read_run_file)


# Statistics of observations


def _statistics(folder: Path) -> list[tuple[str, bytes]]:
    numbers = BytesIO()
    np.savez(numbers, mean=np.zeros(3), var=np.ones(3), epsilon=np.float64(1e-8), clip=np.float32(5))
    return [("a.npz", numbers.getvalue()), ("a.pkl", (_SB3 / "vecnormalize-Pendulum.pkl").read_bytes())]


def _change_statistics(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return bytes_changed(rng, data)
    return _change_zip(rng, data) if data.startswith(b"PK") else opcodes_changed(rng, data)


def _read_statistics(path: Path) -> None:
    from lander_runtime.inert.normalizer import read_normalizer

    found = read_normalizer(path)
    assert found is None or "epsilon" in found.in_words


STATISTICS = Target(_statistics, _change_statistics, _read_statistics)
