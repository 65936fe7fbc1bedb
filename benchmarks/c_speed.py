"""A policy in C beside ONNX Runtime: time of an action, and size in memory.

    python benchmarks/c_speed.py [--rounds 30] [--onnxruntime-include DIR] [--out c_speed.json]

The header of the policy that ships, compiled by the compilers that are here, takes turns with ONNX Runtime
called from Python, and from C where DIR holds `onnxruntime_c_api.h` (of its releases; it is not in the Python
package). 10,000 observations of episodes a round; the median over the rounds. Processor time is counted, so
that other work on the machine counts as little as it can. Sizes are of `policy_act` and what it calls.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnxruntime
from numpy.typing import NDArray

import lander_rl
from lander_runtime import Policy
from machine import machine

ROOT = Path(__file__).parents[1]
POLICY = ROOT / "models" / "lunarlander-v3" / "policy.onnx"
SCHEMA = "lander.c_speed/1"
OBSERVATIONS = 10_000

BUILDS = {
    "gcc -O2": ["gcc", "-O2"],
    "gcc -O3 -march=native": ["gcc", "-O3", "-march=native"],
    "gcc -O2, own tanh": ["gcc", "-O2", "-DPOLICY_OWN_TANH"],
    "clang -O2": ["clang", "-O2"],
}

_THUMB = [
    "-mcpu=cortex-m4",
    "-mthumb",
    "-mfloat-abi=hard",
    "-mfpu=fpv4-sp-d16",
    "-ffreestanding",
    "-DPOLICY_OWN_TANH",
]

TARGETS = {
    "x86-64, gcc -O2": (["gcc", "-O2"], "size"),
    "Cortex-M4, gcc -O2, own tanh": (["arm-none-eabi-gcc", "-O2", *_THUMB], "arm-none-eabi-size"),
    "Cortex-M4, gcc -Os, own tanh": (["arm-none-eabi-gcc", "-Os", *_THUMB], "arm-none-eabi-size"),
}

ONLY_ACT = """\
#include "policy.h"
int act(const float *observation);
int act(const float *observation) { return policy_act(observation); }
"""


def main() -> None:
    """Measure, print two tables, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--onnxruntime-include", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lander_rl.export_c(POLICY, folder / "policy.h")
        contenders = timers(folder, options.onnxruntime_include)
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(options.rounds):
            for contender, measure in contenders.items():
                times[contender].append(measure())
        sizes = {target: found for target in TARGETS if (found := size_of(folder, target)) is not None}
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    report = {
        "schema": SCHEMA,
        "command": " ".join(["python", "benchmarks/c_speed.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {"onnxruntime": onnxruntime.__version__, **compilers()},
        "nanoseconds_an_action": times,
        "bytes": sizes,
    }
    slowest = max(medians.values())
    for contender, median in medians.items():
        print(f"{contender:<40}{median / 1000:8.2f} us{slowest / median:8.1f}x")
    for target, found in sizes.items():
        print(f"{target:<40}" + "  ".join(f"{section} {size:,}" for section, size in found.items()))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def timers(folder: Path, include: Path | None) -> dict[str, Callable[[], float]]:
    """For each contender that is here: a function that gives nanoseconds an action, of one round."""
    observations = flown()
    (folder / "observations").write_bytes(observations.astype("<f4").tobytes())
    found: dict[str, Callable[[], float]] = {
        "ONNX Runtime from Python, Policy.act": lambda: policy_time(observations),
        "ONNX Runtime from Python, session.run": lambda: session_time(observations),
    }
    if include is not None:
        linked = onnxruntime_program(folder, include)
        found["ONNX Runtime from C"] = lambda: program_time(linked, folder, str(POLICY))
    for name, command in BUILDS.items():
        if shutil.which(command[0]):
            program = folder / re.sub(r"\W+", "_", name)
            source = ROOT / "benchmarks" / "c" / "time_header.c"
            subprocess.run([*command, "-std=c99", f"-I{folder}", source, "-o", program, "-lm"], check=True)
            found[f"the header, {name}"] = lambda program=program: program_time(program, folder)
    return found


def flown() -> NDArray[np.float32]:
    """Observations of episodes of the policy itself."""
    policy, env = Policy.load(POLICY, "cpu"), gymnasium.make("LunarLander-v3")
    seen, (obs, _) = [], env.reset(seed=1_000_000)
    while len(seen) < OBSERVATIONS:
        seen.append(obs)
        obs, _, terminated, truncated, _ = env.step(policy.act(obs))
        if terminated or truncated:
            obs, _ = env.reset()
    return np.stack(seen)


def policy_time(observations: NDArray[np.float32]) -> float:
    """With the checks of every observation."""
    policy = Policy.load(POLICY, "cpu")
    start = time.process_time()
    for obs in observations:
        policy.act(obs)
    return (time.process_time() - start) / len(observations) * 1e9


def session_time(observations: NDArray[np.float32]) -> float:
    """A bare session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(POLICY, options, providers=["CPUExecutionProvider"])
    batches = observations[:, None]
    start = time.process_time()
    for obs in batches:
        session.run(["action"], {"obs": obs})
    return (time.process_time() - start) / len(observations) * 1e9


def program_time(program: Path, folder: Path, *more: str) -> float:
    """The best of three runs over all observations, in a process of its own."""
    command = [program, folder / "observations", "3", *more]
    child = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return min(float(line) for line in child.stdout.split())


def onnxruntime_program(folder: Path, include: Path) -> Path:
    """Built with the library that the Python package has."""
    [library, *_] = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / name).symlink_to(library)
    program, source = folder / "onnxruntime", ROOT / "benchmarks" / "c" / "time_onnxruntime.c"
    command = ["gcc", "-O2", "-std=c99", f"-I{include}", source, f"-L{folder}", "-lonnxruntime"]
    subprocess.run([*command, f"-Wl,-rpath,{folder}", "-o", program], check=True)
    return program


def size_of(folder: Path, target: str) -> dict[str, int] | None:
    """Bytes of code and of constants of `policy_act` and what it calls; None without that compiler."""
    (command, *flags), size = TARGETS[target]
    if not shutil.which(command):
        return None
    (folder / "act.c").write_text(ONLY_ACT)
    made = folder / "act.o"
    subprocess.run(
        [command, *flags, "-std=c99", "-c", f"-I{folder}", folder / "act.c", "-o", made], check=True
    )
    listed = subprocess.run([size, "-A", made], capture_output=True, text=True, check=True).stdout
    found: dict[str, int] = {"code": 0, "constants": 0}
    for section, count in re.findall(r"^\.(text|rodata)\S*\s+(\d+)", listed, re.MULTILINE):
        found["code" if section == "text" else "constants"] += int(count)
    return found


def compilers() -> dict[str, Any]:
    """The first line of each compiler's version."""
    names = [name for name in ("gcc", "clang", "arm-none-eabi-gcc") if shutil.which(name)]
    return {
        name: subprocess.run([name, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
        for name in names
    }


if __name__ == "__main__":
    main()
