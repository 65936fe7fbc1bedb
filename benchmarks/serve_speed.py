"""How fast `lander serve` answers: one client after another answer, and many clients at once.

    python benchmarks/serve_speed.py [--policy models/lunarlander-v3/policy.onnx] [--seconds 5] [--rounds 3]
    python benchmarks/serve_speed.py --mlserver VENV/bin/python      beside MLServer, taking turns

MLServer speaks the same protocol; VENV needs mlserver and onnxruntime. Its model is peers/mlserver_policy.py.

The clients are a process of their own that speaks plain HTTP over kept connections, with requests and
checks prepared, so that it costs little beside the server. Every answer is compared with `Policy.act`.
`server_us` is the server's processor time for a request with many clients, which a busy machine changes less.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from lander_runtime import Policy
from lander_runtime.serving.server import serve

_SHIPPED = Path(__file__).parents[1] / "models/lunarlander-v3/policy.onnx"


def main() -> None:
    """Start the server in a process, measure, print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--policy", type=Path, default=_SHIPPED)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--mlserver", type=Path, help="the python of an environment with mlserver")
    given = options.parse_args()

    requests, actions = _prepared(given.policy)
    rounds: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        servers = {"lander": stack.enter_context(_lander(given.policy))}
        if given.mlserver is not None:
            servers["mlserver"] = stack.enter_context(_mlserver(given.mlserver, given.policy))
        for _ in range(given.rounds):
            for name, (port, pid) in servers.items():
                found = asyncio.run(_measure(port, pid, requests, actions, given.clients, given.seconds))
                rounds.setdefault(name, []).append(found)
    conditions = {"cores": os.cpu_count(), "clients": given.clients}
    medians = {
        name: {key: statistics.median(one[key] for one in every) for key in every[0]}
        for name, every in rounds.items()
    }
    print(json.dumps({**conditions, **medians, "rounds": rounds}, indent=2))


@contextmanager
def _lander(policy: Path) -> Iterator[tuple[int, int]]:
    """`lander serve` in a process of its own; gives its port and the process's number."""
    spawn = multiprocessing.get_context("spawn")
    urls = spawn.Queue()
    server = spawn.Process(target=_serve, args=(policy, urls), daemon=True)
    server.start()
    try:
        assert server.pid is not None, "it was started"
        yield int(urls.get(timeout=60).rsplit(":", 1)[1]), server.pid
    finally:
        server.terminate()
        server.join()


@contextmanager
def _mlserver(python: Path, policy: Path) -> Iterator[tuple[int, int]]:
    """MLServer with the same file, in one process as `lander serve`; gives the same."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free, socket.socket() as other:
        for one in (free, other):
            one.bind(("127.0.0.1", 0))
        port, grpc_port = free.getsockname()[1], other.getsockname()[1]
        folder = Path(name)
        settings = {
            "host": "127.0.0.1", "http_port": port, "grpc_port": grpc_port, "parallel_workers": 0,
            "debug": False, "metrics_endpoint": None,
        }  # fmt: skip
        model = {
            "name": "policy", "implementation": "mlserver_policy.OnnxPolicy",
            "parameters": {"uri": str(policy.resolve())},
        }  # fmt: skip
        (folder / "settings.json").write_text(json.dumps(settings))
        (folder / "model-settings.json").write_text(json.dumps(model))
        free.close()
        other.close()
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "peers")}
        server = subprocess.Popen(
            [python.with_name("mlserver"), "start", folder],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait_until_ready(port, server)
            yield port, server.pid
        finally:
            server.terminate()
            server.wait()


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/policy/ready"):
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("MLServer does not start.") from None
            time.sleep(0.2)


def _serve(policy: Path, urls: "multiprocessing.Queue[str]") -> None:
    serve({"policy": Policy.load(policy, "cpu")}, port=0, on_start=urls.put)


def _prepared(path: Path) -> tuple[list[bytes], list[int]]:
    """Requests of one observation each, and the right actions."""
    policy = Policy.load(path, "cpu")
    obs = np.random.default_rng(0).normal(size=(2000, *policy.observation.shape)).astype(np.float32)
    requests = []
    for one in obs:
        numbers = {"name": "obs", "datatype": "FP32", "shape": [1, *one.shape], "data": one.ravel().tolist()}
        body = json.dumps({"inputs": [numbers], "outputs": [{"name": "action"}]}).encode()
        head = f"POST /v2/models/policy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        requests.append(head.encode() + body)
    return requests, policy.act(obs).tolist()


async def _measure(
    port: int, pid: int, requests: list[bytes], actions: list[int], clients: int, seconds: float
) -> dict[str, float]:
    alone = await _client(port, requests, actions, 0, time.perf_counter() + seconds)
    start, before = time.perf_counter(), _processor_seconds(pid)
    many = await asyncio.gather(
        *(_client(port, requests, actions, 31 * k, start + seconds) for k in range(clients))
    )
    took, spent = time.perf_counter() - start, _processor_seconds(pid) - before
    times = sorted(one for client in many for one in client)
    return {
        "alone_median_ms": 1e3 * statistics.median(alone),
        "alone_p99_ms": 1e3 * sorted(alone)[int(0.99 * len(alone))],
        "requests_per_s": len(times) / took,
        "median_ms": 1e3 * statistics.median(times),
        "p99_ms": 1e3 * times[int(0.99 * len(times))],
        "server_us": 1e6 * spent / len(times),
    }


def _processor_seconds(pid: int) -> float:
    """Of a process on Linux, its system time included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _client(port: int, requests: list[bytes], actions: list[int], at: int, end: float) -> list[float]:
    """Ask until `end`; the seconds of every answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    while time.perf_counter() < end:
        start = time.perf_counter()
        writer.write(requests[at % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        times.append(time.perf_counter() - start)
        found = answer["outputs"][0]["data"][0]
        if found != actions[at % len(actions)]:
            raise SystemExit(f"Expected action {actions[at % len(actions)]}, found {found}.")
        at += 1
    writer.close()
    return times


if __name__ == "__main__":
    main()
