"""Time of one action: `Policy.act` beside a bare `session.run` and the same network in PyTorch.

    python benchmarks/act_speed.py [--rounds 21] [--calls 5000]

The three take turns in one process, round by round, so that a change of the machine's speed affects all of
them; medians over the rounds are printed.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch

from lander_runtime import Policy
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.session import open_session
from lander_runtime.shipped import shipped_policies
from lander_trainer.networks.layers import multilayer_perceptron


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--calls", type=int, default=5000)
    options = parser.parse_args()

    path = shipped_policies()["lunarlander-v3"]
    policy = Policy.load(path, "cpu")
    session = open_session(read_model(path.read_bytes(), path.name), path.name, "cpu").session
    actor = torch_twin(path.read_bytes(), policy)
    obs = np.asarray(policy.info.golden.observations[0], np.float32)
    batch = obs[None]
    torch.set_num_threads(1)

    def in_torch() -> int:
        with torch.inference_mode():
            return int(actor(torch.from_numpy(obs)).argmax())

    assert policy.act(obs) == in_torch()
    contenders: dict[str, Callable[[], object]] = {
        "bare session.run": lambda: session.run(["action"], {"obs": batch}),
        "Policy.act": lambda: policy.act(obs),
        "PyTorch": in_torch,
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, call in contenders.items():
            times[name].append(microseconds(call, options.calls))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(
        f"{platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, ",
        end="",
    )
    print(f"torch {torch.__version__}; medians of {options.rounds} rounds of {options.calls} calls")
    for name, value in medians.items():
        print(f"{name:<18}{value:6.2f} us  {value / medians['bare session.run']:5.2f}x")


def torch_twin(model: bytes, policy: Policy) -> torch.nn.Module:
    """The actor in the policy file, as a PyTorch module."""
    config = policy.info.training.config
    widths = [policy.info.observation.shape[0], *config["hidden_sizes"], policy.info.action.n or 0]
    actor = multilayer_perceptron(widths, config["activation"], last_gain=1.0)
    weights = {
        tensor.name.removeprefix("actor."): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load_from_string(model).graph.initializer
        if tensor.name.startswith("actor.")
    }
    actor.load_state_dict(weights)
    return actor


def microseconds(call: Callable[[], object], calls: int) -> float:
    """Mean time of one of `calls` calls, in microseconds."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls * 1e6


if __name__ == "__main__":
    main()
