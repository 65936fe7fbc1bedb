"""Ctrl-C and SIGTERM while ONNX Runtime computes, where Python handles no signal; real processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

TINY = Path(__file__).parents[2] / "data" / "tiny-discrete.onnx"

COMMAND = """if True:
    import signal, sys, threading
    # Tests that run in the background may have their children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from lander_cli.main import main

    def say_when_it_computes(thread):
        while True:
            frame = sys._current_frames()[thread]
            if frame.f_code.co_name == "run" and "onnxruntime" in frame.f_code.co_filename:
                print("computing", flush=True)
                return

    watcher = threading.Thread(target=say_when_it_computes, args=[threading.get_ident()], daemon=True)
    watcher.start()
    sys.argv[0] = "lander"
    main()
"""


def slow_policy(path: Path) -> Path:
    """The tiny policy with minutes of work that change nothing, and that --large allows."""
    model = onnx.load(TINY)
    graph = model.graph
    first, *rest = list(graph.node)
    [made] = first.output
    first.output[0] = "before"
    products = [helper.make_node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(30)]
    nodes = [
        helper.make_node("ReduceSum", ["obs"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "shape"], ["m0"]),
        *products,
        helper.make_node("ReduceSum", ["m30"], ["result"], keepdims=0),
        helper.make_node("Mul", ["result", "nothing"], ["zero"]),
        helper.make_node("Add", ["before", "zero"], [made]),
    ]
    del graph.node[:]
    graph.node.extend([first, *nodes, *rest])
    graph.initializer.append(numpy_helper.from_array(np.int64([2000, 2000]), "shape"))
    graph.initializer.append(numpy_helper.from_array(np.float32(0), "nothing"))
    [entry] = model.metadata_props
    weights = sorted(graph.initializer, key=lambda tensor: tensor.name)
    content = b"".join(numpy_helper.to_array(tensor).tobytes() for tensor in weights)
    claimed = {"weights_sha256": hashlib.sha256(content).hexdigest()}
    entry.value = json.dumps({**json.loads(entry.value), **claimed})
    onnx.save(model, path)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_within_two_seconds(tmp_path: Path, number: int, code: int) -> None:
    policy = slow_policy(tmp_path / "slow.onnx")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "inspect", str(policy), "--large"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    # What others than the command print goes to stderr.
    assert process.stderr is not None
    assert process.stderr.readline() == b"computing\n"
    start = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    # Two seconds on a machine that does nothing else; it may have other work while it is tested.
    assert time.monotonic() - start < 6
    assert said == b"Stopped while ONNX Runtime was computing.\n"
