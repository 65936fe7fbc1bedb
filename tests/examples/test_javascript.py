"""The JavaScript library beside Python: the same numbers, actions, episodes and digests.

Python writes down what it found, and `node --test` compares.
"""

import ctypes
import ctypes.util
import hashlib
import json
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lander_rl
from lander_runtime import Policy
from lander_runtime.foreign.opening import open_policy
from lander_runtime.scores.intervals import mean_interval
from processor import has_fma

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
SHIPPED = ROOT / "models" / "lunarlander-v3" / "policy.onnx"

OBSERVATIONS = np.random.default_rng(4).normal(size=(200, 8)).astype(np.float32)


def test_node_finds_what_python_found(built: Path, node: str, bad_files: list[Any], tmp_path: Path) -> None:
    expected = {
        "random": [random_numbers(seed) for seed in (0, 1, 1_000_000, 2**32 + 5, 2**63 - 1, 2**130 + 7)],
        "sines": sines(),
        "functions": functions(),
        "floats": [[repr(value), value] for value in FLOATS],
        "json": [canonical(text) for text in TEXTS],
        "intervals": [intervals(count) for count in (2, 3, 10, 137)],
        "actions": [
            actions(SHIPPED, "logits"),
            actions(DATA / "tiny-discrete.onnx", "logits"),
            actions(DATA / "tiny-continuous.onnx"),
            actions(DATA / "sb3-ppo-discrete.onnx", env="LunarLander-v3"),
            actions(DATA / "sb3-ppo-continuous.onnx", env="LunarLanderContinuous-v3"),
            actions(DATA / "cleanrl-agent.onnx", env="LunarLander-v3"),
        ],
        "refused": [
            *({"file": str(bad.file), "words": bad.words} for bad in bad_files),
            *({"file": str(file), "words": words} for file, words in misshapen(tmp_path)),
        ],
        "unclear": str(two_outputs(tmp_path / "unclear.onnx")),
        "scores": [
            score(SHIPPED, 100),
            score(SHIPPED, 20, {"enable_wind": True, "wind_power": 12.5, "gravity": -7.5}),
            score(DATA / "tiny-discrete.onnx", 10),
            score(DATA / "sb3-ppo-discrete.onnx", 5, env="LunarLander-v3"),
        ],
    }
    expected["throttles"] = [
        {**score(DATA / f"{name}.onnx", 10, env="LunarLanderContinuous-v3"), "exact": has_fma()}
        for name in ("tiny-continuous", "sb3-ppo-continuous")
    ]
    expected["flights"] = [
        flights({}),
        flights({"continuous": True}),
        flights({"continuous": True, "enable_wind": True, "turbulence_power": 2.0}),
        flights({"enable_wind": True, "wind_power": 7.5, "gravity": -3.7}),
    ]
    file = tmp_path / "expected.json"
    file.write_text(json.dumps(expected), encoding="utf-8")
    found = subprocess.run(
        [node, "--test", *sorted((ROOT / "tests" / "examples" / "javascript").glob("*.test.js"))],
        env={**os.environ, "LANDER_EXPECTED": str(file)},
        capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-6000:]
    assert "# tests 0" not in found.stdout


def test_the_example_program_runs_episodes(built: Path, node: str) -> None:
    found = subprocess.run(
        [node, ROOT / "examples" / "node" / "fly.js", SHIPPED, "2"],
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    assert "seed 1000000  return 309.6  landed after 181 steps" in found.stdout


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["nothing.onnx"], 3, "ENOENT"),
        ([str(ROOT / "README.md")], 3, "not a policy file"),
        ([str(SHIPPED), "none"], 2, "usage:"),
    ],
)
def test_the_example_program_says_in_a_line_what_is_wrong(
    built: Path, node: str, given: list[str], code: int, said: str
) -> None:
    found = subprocess.run(
        [node, ROOT / "examples" / "node" / "fly.js", *given],
        capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert found.returncode == code
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_the_package_names_what_it_has(node: str) -> None:
    """package.json, types and exports say the same."""
    folder = ROOT / "examples" / "node"
    package = json.loads((folder / "package.json").read_text())
    assert not package.keys() & {"dependencies", "devDependencies"}
    for name in (*package["files"], package["types"], package["exports"]["."]["default"]):
        assert (folder / name).exists(), name
    code = f"console.log(Object.keys(await import('{(folder / 'index.js').as_uri()}')).sort().join())"
    found = subprocess.run(
        [node, "--input-type=module", "-e", code],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    types = (folder / "index.d.ts").read_text()
    for name in found.stdout.strip().split(","):
        assert f" {name}" in types, name


def random_numbers(seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    return {
        "seed": str(seed),
        "uniform": generator.uniform(-1.5, 4, 5).tolist(),
        # An odd number: NumPy keeps half of a 64-bit number for the next one, and uniform passes it by.
        "integers": generator.integers(-9999, 9999, 7).tolist(),
        "more": generator.uniform(0, 1, 3).tolist(),
    }


def sines() -> list[list[float]] | None:
    """A sample of floats from -130 to 130 with the C library's results."""
    if not os.confstr("CS_GNU_LIBC_VERSION"):
        return None
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    for name in ("sinf", "cosf"):
        getattr(library, name).restype, getattr(library, name).argtypes = ctypes.c_float, [ctypes.c_float]
    generator = np.random.default_rng(2)
    bits = generator.integers(0, np.float32(130).view(np.uint32), 40_000, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), generator.uniform(0, 130, 40_000).astype(np.float32)])
    signs = generator.choice([-1.0, 1.0], len(values)).astype(np.float32)
    return [[x, library.sinf(x), library.cosf(x)] for x in (values * signs).tolist()]


def functions() -> list[list[float]]:
    values = np.concatenate([np.linspace(-25, 25, 2001), np.geomspace(1e-9, 1, 500)])
    return [[float(x), float(np.tanh(x)), float(np.exp(x))] for x in values]


FLOATS = [
    0.0, -0.0, 1.0, -290.34358321057044, 0.1, 1e16, 123456789012345680.0, 9999999999999998.0, 1e15, 1e22,
    5e-324, 1.5e-05, 0.0001, 0.00012345, 1.7976931348623157e308, 2.0**60,
]  # fmt: skip

TEXTS = [
    '{"b": [1, 2.0, -0.5e-7, "3.0"], "a": {"\\u00e4 \\"1.5\\" \\\\": null}, "c": true}',
    '{"gravity": -10, "wind_power": 15.0, "long": 1e+20}',
]


def canonical(text: str) -> list[str]:
    found = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return [text, found, hashlib.sha256(found.encode()).hexdigest()]


def intervals(count: int) -> dict[str, Any]:
    values = np.random.default_rng(count).normal(250, 40, count)
    return {"values": values.tolist(), "interval": mean_interval(values)}


def actions(file: Path, scores: str | None = None, env: str | None = None) -> dict[str, Any]:
    policy = open_policy(file, env, "cpu")
    found = {
        "file": str(file),
        "observations": OBSERVATIONS.tolist(),
        "actions": [np.asarray(policy.act(one)).tolist() for one in OBSERVATIONS],
    }
    if scores is not None:
        assert isinstance(policy, Policy)
        logits = policy.outputs(OBSERVATIONS)[scores].astype(np.float64)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        found["probabilities"] = (weights / weights.sum(axis=1, keepdims=True)).tolist()
    return found


def score(
    file: Path, episodes: int, changes: dict[str, Any] | None = None, env: str | None = None
) -> dict[str, Any]:
    with warnings.catch_warnings():
        # Gymnasium's, about environments that are not the usual ones.
        warnings.simplefilter("ignore")
        report = lander_rl.evaluate(file, env, episodes=episodes, env_args=changes)
    return {"file": str(file), "changes": changes or {}, "report": report.to_json()}


def flights(options: dict[str, Any]) -> dict[str, Any]:
    """Five episodes of random actions, thrusters half of the time, so that they last."""
    environment = gymnasium.make("LunarLander-v3", **options)
    generator = np.random.default_rng(7)
    episodes = []
    for seed in range(5):
        found: dict[str, Any] = {"seed": seed, "actions": [], "rewards": []}
        found["observations"] = [environment.reset(seed=seed)[0].tolist()]
        ended = False
        while not ended:
            if options.get("continuous"):
                action: Any = generator.uniform(-1.2, 1.2, 2).astype(np.float32)
                found["actions"].append(action.tolist())
            else:
                action = int(generator.choice(4, p=[0.3, 0.1, 0.5, 0.1]))
                found["actions"].append(action)
            observation, reward, terminated, truncated, _ = environment.step(action)
            found["rewards"].append(float(reward))
            found["observations"].append(observation.tolist())
            ended = terminated or truncated
        episodes.append(found)
    environment.close()
    return {"options": options, "episodes": episodes}


def misshapen(folder: Path) -> list[tuple[Path, str]]:
    """Files of whose metadata one entry is of another kind than it should be."""
    changes: list[tuple[str, Any, str]] = [
        ("env", None, "form"),
        ("env.kwargs", [], "form"),
        ("env.wrappers", None, "form"),
        ("env.max_episode_steps", "many", "form"),
        ("evaluation", {"mean_return": "<b>", "episodes": 1}, "form"),
        ("observation", [8], "form"),
        ("observation.shape", None, "other than a vector"),
        ("action", "Discrete", "form"),
        ("golden", None, "form"),
        ("golden.observations", [], "no golden vectors"),
        ("golden.observations", [[None] * 8], "fails its golden vectors"),
        ("golden.outputs", None, "form"),
        ("golden.outputs.logits", None, "do not fit"),
        ("golden.scale", {"logits": None}, "form"),
        ("golden.scale.logits", [[0, 0, 0, 0]], "fails its golden vectors"),
        ("golden.tolerance", 1e9, "tolerance"),
        ("weights_sha256", None, "weights are not those"),
        ("schema", "2.0", "schema"),
    ]
    found = []
    for number, (name, value, words) in enumerate(changes):
        model = onnx.load(SHIPPED)
        (entry,) = model.metadata_props
        metadata = json.loads(entry.value)
        *above, last = name.split(".")
        place = metadata
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
        entry.value = json.dumps(metadata)
        file = folder / f"misshapen-{number}-{name}.onnx"
        onnx.save(model, file)
        found.append((file, words))
    return found


def two_outputs(path: Path) -> Path:
    """Two rows of four numbers, neither of which has a telling name."""
    weights = np.zeros((2, 8, 4), np.float32)
    weights[0, 0, 2] = weights[1, 0, 3] = 1.0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["obs", f"w{i}"], [name]) for i, name in enumerate(("first", "second"))],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("first", "second")],
        [numpy_helper.from_array(weights[i], f"w{i}") for i in range(2)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path
