"""What is fuzzed: where valid files come from, how they are changed, and what reads them."""

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from tests.fuzz.mutations import as_json, bytes_changed, fields_changed, json_changed
from tests.fuzz.nodes import settings_changed, with_nodes
from tests.fuzz.operators import change_operator, operator_cases, read_operator
from tests.fuzz.target import Target
from tests.fuzz.trained import CHECKPOINT, RUN, STATISTICS

from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.spec import Space

_DATA = Path(__file__).parents[1] / "data"


# Policies


def _policies(folder: Path) -> list[tuple[str, bytes]]:
    names = ("tiny-discrete.onnx", "tiny-continuous.onnx", "cleanrl-agent.onnx", "sb3-ppo-discrete.onnx")
    return [(name, (_DATA / name).read_bytes()) for name in names]


def _change_policy(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = _changed(rng.choice(_POLICY_CHANGES), rng, data)
    return data


def _change_operator(rng: random.Random, data: bytes) -> bytes:
    return _changed(change_operator, rng, data)


def _changed(change: Callable[[random.Random, bytes], bytes], rng: random.Random, data: bytes) -> bytes:
    try:
        return change(rng, data)
    except Exception:  # What onnx cannot read any more is only changed as bytes.
        return bytes_changed(rng, data)


def _change_metadata(rng: random.Random, data: bytes) -> bytes:
    model = onnx.ModelProto()
    model.ParseFromString(data)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            entry.value = as_json(json_changed(rng, json.loads(entry.value)))
    return model.SerializeToString()


_POLICY_CHANGES = (
    bytes_changed, fields_changed, fields_changed, _change_metadata, settings_changed, settings_changed,
    with_nodes, with_nodes, with_nodes,
)  # fmt: skip

_SPACES = (Space("Box", (8,), "float32"), Space("Discrete", (), "int64", n=4))


def _read_policy(path: Path) -> None:
    from lander_runtime.foreign.matching import Choices, match
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.policy import NoMetadata, Policy

    try:
        policy = Policy.load(path, "cpu")
    except NoMetadata:
        match(read_model(path.read_bytes(), path.name), path.name, "cpu", _SPACES, Choices())
        return
    repr(policy)
    policy.self_test()
    for batch in (1, 32):
        policy.outputs(np.ones((batch, *policy.observation.shape), policy.observation.dtype))
    json.loads(policy.info.to_json())


# Replays and reports


def _replays(folder: Path) -> list[tuple[str, bytes]]:
    return [("replay.jsonl.gz", _evaluated(folder)[0].read_bytes())]


def _reports(folder: Path) -> list[tuple[str, bytes]]:
    return [("report.json", _evaluated(folder)[1].read_bytes())]


def _evaluated(folder: Path) -> tuple[Path, Path]:
    from lander_rl import evaluate

    replay, report = folder / "replay.jsonl.gz", folder / "report.json"
    evaluate(_DATA / "tiny-discrete.onnx", episodes=3, workers=1, save_replay=replay, out=report)
    return replay, report


def _change_replay(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return bytes_changed(rng, data)
    lines = gzip.decompress(data).splitlines()
    place = rng.randrange(len(lines))
    if rng.random() < 0.8:
        lines[place] = as_json(json_changed(rng, json.loads(lines[place]))).encode("utf-8", "surrogatepass")
    else:
        lines[place] = bytes_changed(rng, lines[place])
    return gzip.compress(b"\n".join(lines) + b"\n", 1)


def _change_report(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return bytes_changed(rng, data)
    value: Any = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        value = json_changed(rng, value)
    return as_json(value).encode("utf-8", "surrogatepass")


def _read_replay(path: Path) -> None:
    from lander_runtime.replays.reader import ReplayFile

    for _ in ReplayFile(path):
        pass


def _read_report(path: Path) -> None:
    from lander_runtime.scores.report_file import read_report

    json.dumps(read_report(path).to_json())


TARGETS = {
    "policy": Target(_policies, _change_policy, _read_policy),
    "operator": Target(operator_cases, _change_operator, read_operator),
    "checkpoint": CHECKPOINT,
    "run": RUN,
    "statistics": STATISTICS,
    "replay": Target(_replays, _change_replay, _read_replay),
    "report": Target(_reports, _change_report, _read_report),
}
