"""How far ONNX Runtime's tanh in single precision is from the true one, and what that does to actions.

    python benchmarks/peers/tanh_rounding.py

First tanh alone, on two million numbers. Then the zips of Stable-Baselines3 in tests/data, on the
observations of six episodes each: the exported file, the same with each tanh in double precision, and
PyTorch, all for one observation at a time, beside a run in double precision throughout. What is left of a
difference where tanh is exact comes from the order in which products are added up.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

ZIPS = Path(__file__).parents[2] / "tests" / "data" / "sb3"
NAMES = {
    "sac-Pendulum": "Pendulum-v1",
    "td3-elu-LunarLanderContinuous": "LunarLanderContinuous-v3",
    "ppo-Pendulum": "Pendulum-v1",
    "trpo-LunarLanderContinuous": "LunarLanderContinuous-v3",
}
"""SAC and TD3 have a tanh behind the last layer, PPO and TRPO behind the hidden ones."""

Act = Callable[[NDArray[np.float32]], NDArray[Any]]
"""From observations `[1, n]` to actions `[1, m]`."""


def in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with each Tanh between casts to double precision and back."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    for node in model.graph.node:
        changed.graph.node.extend(_steps(node) if node.op_type == "Tanh" else [node])
    return changed


def _steps(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    [given], [made] = node.input, node.output
    names = [given, f"{made} wide", f"{made} squashed", made]
    settings: list[tuple[str, dict[str, Any]]] = [
        ("Cast", {"to": TensorProto.DOUBLE}),
        ("Tanh", {}),
        ("Cast", {"to": TensorProto.FLOAT}),
    ]
    return [
        helper.make_node(operator, [names[place]], [names[place + 1]], **more)
        for place, (operator, more) in enumerate(settings)
    ]


def alone() -> onnx.ModelProto:
    """A graph of one Tanh, from x to y."""
    value = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"}
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "g", [value["x"]], [value["y"]])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def running(model: onnx.ModelProto) -> Act:
    """The model, in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda obs: session.run(["action"], {"obs": obs})[0]


def seen_by(act: Act, env_id: str) -> list[NDArray[np.float32]]:
    """The observations of six episodes, `[1, n]` each."""
    env, seen = gymnasium.make(env_id), []
    for seed in range(1_000_000, 1_000_006):
        observation, over = env.reset(seed=seed)[0], False
        while not over:
            seen.append(observation[None])
            observation, _, terminated, truncated, _ = env.step(act(seen[-1])[0])
            over = terminated or truncated
    return seen


def actions_of(name: str, env_id: str) -> str:
    """A row of the second table: largest differences from double precision, in last bits at the bound."""
    # Only here, because zip_rounding.py runs where lander is not installed.
    from lander_export import convert, load_source
    from lander_runtime import envs

    source = load_source(ZIPS / f"{name}.zip", envs.resolve(env_id))
    model = onnx.load_from_string(convert(source))
    single: Any = source.graph
    double = copy.deepcopy(single.actor).double()

    def exactly(obs: NDArray[np.float32]) -> NDArray[np.float64]:
        actions = double(torch.from_numpy(obs).double()).numpy()
        return np.clip(actions, single.low.numpy(), single.high.numpy())

    ways: dict[str, Act] = {
        "PyTorch": lambda obs: single(torch.from_numpy(obs))[0].numpy(),
        "ONNX Runtime": running(model),
        "with tanh in double": running(in_double(model)),
    }
    observations = seen_by(ways["ONNX Runtime"], env_id)
    bit = float(np.spacing(np.float32(2.0 if env_id == "Pendulum-v1" else 1.0)))
    with torch.no_grad():
        exact = np.concatenate([exactly(obs) for obs in observations])
        largest = {
            way: np.abs(np.concatenate([act(obs) for obs in observations]) - exact).max() / bit
            for way, act in ways.items()
        }
    shown = ", ".join(f"{way} {bits:.1f}" for way, bits in largest.items())
    return f"{name:30} {len(observations):5} observations: {shown}"


def main() -> None:
    """Print both tables."""
    numbers = np.linspace(-6.0, 6.0, 2_000_001).astype(np.float32)
    true, bit = np.tanh(numbers.astype(np.float64)), float(np.spacing(np.float32(1.0)))
    graphs = {"": alone(), ", in double precision": in_double(alone())}
    found = {f"PyTorch {torch.__version__}": torch.tanh(torch.from_numpy(numbers)).numpy()}
    for more, model in graphs.items():
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found[f"ONNX Runtime {onnxruntime.__version__}{more}"] = session.run(["y"], {"x": numbers})[0]
    for name, values in found.items():
        difference = np.abs(values - true).max()
        print(f"{name:42} {difference:.2e}, {difference / bit:.2f} last bits of a float32 at 1")
    for zip_name, env_id in NAMES.items():
        print(actions_of(zip_name, env_id))


if __name__ == "__main__":
    main()
