"""The environments alone, as a contender of `eval_speed.py`.

An evaluation can be faster: its lanes give the environments quicker parts (`lander_runtime/envs/quick.py`).

    python benchmarks/peers/bare_environments.py RECORDING --part 0 --parts 2

RECORDING (.npz, made by `eval_speed.py`) holds the actions of whole episodes; this process steps every
`parts`-th episode, from number `part`. It prints `ready`, waits for a line on stdin, so that several
processes start at the same time, and prints one JSON object. Only reset and step are timed.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from lander_runtime import EnvSpec, envs
from lander_runtime.json_data.fields import Fields


def main() -> None:
    """Step, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", type=Path)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    options = parser.parse_args()

    with np.load(options.recording) as data:
        lengths, actions = data["lengths"], data["actions"]
        first_seed = int(data["first_seed"])
        spec = EnvSpec.from_json(Fields(json.loads(str(data["env"])), "the recording"))
    mine = range(options.part, len(lengths), options.parts)
    stops = np.cumsum(lengths)
    # Converted to Python's numbers beforehand, so that the clock sees no work of this script.
    episodes = [(first_seed + i, actions[stops[i] - lengths[i] : stops[i]].tolist()) for i in mine]
    env = envs.make(spec)
    env.reset(seed=0)
    print("ready", flush=True)
    sys.stdin.readline()

    step, cpu, started = env.step, time.process_time(), time.perf_counter()
    over = False
    for seed, chosen in episodes:
        env.reset(seed=seed)
        for action in chosen:
            _, _, terminated, truncated, _ = step(action)
        over = terminated or truncated
        if not over:
            break
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if not over:
        sys.exit("An episode did not end with the last action that was recorded of it.")
    print(json.dumps({"steps": int(sum(lengths[i] for i in mine)), "seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
