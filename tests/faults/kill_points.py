"""Kill a process at every write, rename and fsync of everything that lander writes, and look at what is left.

    python tests/faults/kill_points.py           # the table of docs/reliability.md on stdout
    python tests/faults/kill_points.py --json    # the same for the test

For each writer there is an old version of its files and a new one. A process is forked for every point and
killed there with SIGKILL: before the call, and for a write after half of its bytes too. Then every file must
be old or new, whole, and the next start must remove what the killed one left. In a third round the disk is
full from that point on: then every file must be old, and nothing may be left.

Forked, and not started anew, because importing PyTorch takes seconds and there are hundreds of points. The
shim is compiled by `cc` into a temporary folder.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lander_runtime.files import write_text

SHIM = Path(__file__).with_name("shim.c")

BEFORE, HALF, FULL = 0, 1, 2

Files = Mapping[str, bytes]
"""Content by name, of one folder."""


@dataclass(frozen=True)
class Writer:
    """What writes some files."""

    name: str
    write: Callable[[Path], None]
    """Writes the new version into a folder."""
    old: Files
    """What the folder held before."""
    needs: Mapping[str, str]
    """Files that must not be there without another one."""


@dataclass(frozen=True)
class Outcome:
    """What was seen at the points of one writer."""

    name: str
    points: int
    """Writes, renames, fsyncs and unlinks of one run."""
    kills: int
    old: int
    """Kills after which all files were old."""
    new: int
    """Kills after which all files were new."""
    mixed: int
    """Kills after which some files were old and some new, each of them whole."""
    full_disks: int
    """Points from which on the disk was full; every file was old after each."""
    faults: tuple[str, ...]
    """Broken promises, a sentence each; none should be here."""


def main() -> None:
    """Print the table, or the outcomes as JSON."""
    parser = argparse.ArgumentParser(description="Kill a process at every point at which it writes.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="a word in the names of what is written", default="")
    arguments = parser.parse_args()
    if "lander_shim" not in os.environ.get("LD_PRELOAD", ""):
        _start_again_with_the_shim()
    outcomes = []
    for writer in writers():
        if arguments.only not in writer.name:
            continue
        outcomes.append(outcome(writer))
        print(f"{writer.name}: {outcomes[-1].points} points", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps([asdict(one) for one in outcomes]))
        return
    print("| what is written | points | kills | left old | left new | each old or new | disks filled |")
    print("|---|---|---|---|---|---|---|")
    for one in outcomes:
        counts = (one.points, one.kills, one.old, one.new, one.mixed, one.full_disks)
        print(f"| {one.name} | {' | '.join(map(str, counts))} |")
    for fault in (fault for one in outcomes for fault in one.faults):
        print(fault, file=sys.stderr)
    sys.exit(1 if any(one.faults for one in outcomes) else 0)


def _start_again_with_the_shim() -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "lander_shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
        # One thread each, because a fork takes only the thread that forks along.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        env = {**os.environ, **alone, "LD_PRELOAD": str(library), "SDL_VIDEODRIVER": "dummy"}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=env, check=False).returncode)


def outcome(writer: Writer) -> Outcome:
    """Kill `writer` at each of its points, and fill the disk at each."""
    with _folder(writer.old) as folder:
        points = _run(writer, folder, 0, BEFORE)[1]
        new = _content(folder)
    faults: list[str] = []
    lefts: list[str] = []
    full = 0
    for how in (BEFORE, HALF, FULL):
        for point in range(1, points + 1):
            with _folder(writer.old) as folder:
                status, _ = _run(writer, folder, point, how)
                where = (
                    f"{writer.name}: {('killed before', 'killed in', 'disk full from')[how]} point {point}"
                )
                if how == FULL:
                    full += 1
                    # Where the last point only waits for the folder's list of names, all is written.
                    if _content(folder) not in (dict(writer.old), new):
                        faults.append(f"{where}: {_states(folder, writer, new)}")
                    continue
                if status != -signal.SIGKILL:
                    if how == BEFORE:
                        faults.append(f"{where}: it ended with {status}")
                    continue
                states = _states(folder, writer, new)
                faults += [
                    f"{where}: {name} is {state}" for name, state in states.items() if state == "broken"
                ]
                faults += [
                    f"{where}: {name} without {needed}"
                    for name, needed in writer.needs.items()
                    if (folder / name).exists() and not (folder / needed).exists()
                ]
                kinds = set(states.values())
                lefts.append(kinds.pop() if len(kinds) == 1 else "mixed")
                write_text(folder / "next.txt", "any file of the next start")
                unknown = _content(folder).keys() - {"next.txt", *writer.old, *new}
                if unknown:
                    faults.append(f"{where}: the next start left {sorted(unknown)}")
    return Outcome(
        writer.name, points, len(lefts), lefts.count("old"), lefts.count("new"), lefts.count("mixed"),
        full, tuple(faults),
    )  # fmt: skip


def _states(folder: Path, writer: Writer, new: Files) -> dict[str, str]:
    """For each file whether it is old, new or broken; one that is absent in both versions is a leftover."""
    found = {}
    for name in {*writer.old, *new}:
        content = (folder / name).read_bytes() if (folder / name).exists() else None
        found[name] = (
            "new" if content == new.get(name) else "old" if content == writer.old.get(name) else "broken"
        )
    return found


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def _folder(files: Files) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lander-points-")).resolve()
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder)


def _run(writer: Writer, folder: Path, at: int, how: int) -> tuple[int, int]:
    """Write in a process that is killed at point `at`, 0 for never; its status and how many points it had."""
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receiving)
            if how == FULL:
                # What fails here is expected to; its words are not of interest.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            shim.arm(os.fsencode(folder), at, how)
            writer.write(folder)
            points = shim.points()
            shim.arm(b"", 0, BEFORE)
            os.write(sending, str(points).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or 0)


def writers() -> list[Writer]:
    """Everything that writes results. In this process, so that the forked ones have it all imported."""
    import torch

    torch.set_num_threads(1)
    from lander_export import export, load_source
    from lander_export.exporting import write_files
    from lander_runtime import Policy, evaluate
    from lander_runtime.episodes.actors import actor_of
    from lander_runtime.pictures.record import record_episode
    from lander_runtime.replays import ReplayWriter, header_for
    from lander_runtime.scores.report_file import write_report
    from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train

    place = Path(tempfile.mkdtemp(prefix="lander-points-run-"))
    try:
        config = TrainConfig(
            env="CartPole-v1", steps=256, lanes=4, rollout_steps=32, minibatches=2, hidden_sizes=(8,),
            selection_episodes=1, selections=1, backend="gymnasium", device="cpu", workers=1,
        )  # fmt: skip
        run = RunDirectory.create(config.env, place / "run")
        train(config, run)
        checkpoint = Checkpoint.load(run.checkpoint)
        source = load_source(run.checkpoint)
        exported = export(source, place / "policy.onnx", episodes=0, gif=False)
        content = exported.policy.read_bytes()
        policy = Policy.load(exported.policy, "cpu")
        episodes: list[object] = []
        report = evaluate(policy, episodes=3, keep=ReplayWriter.keep, observer=_Into(episodes))
        rows = run.read_metrics()
        metrics = run.metrics.read_bytes()
    finally:
        shutil.rmtree(place)
    header = header_for(
        policy.info.env, policy_sha256=policy.sha256, deterministic=True, first_seed=1_000_000, episodes=3
    )
    older = replace(checkpoint, created="2020-01-01T00:00:00+00:00")

    def write_replay(folder: Path) -> None:
        with ReplayWriter(folder / "eval.jsonl.gz", header) as replay:
            for episode in episodes:
                replay.on_episode(episode)  # pyright: ignore[reportArgumentType]

    def write_metrics(folder: Path) -> None:
        RunDirectory(folder).drop_metrics_after(rows[0]["update"])

    def write_export(folder: Path, gif: bool) -> None:
        # Without the work before it, which writes nothing and takes a second each time.
        files = {"policy": folder / "policy.onnx", "card": folder / "policy.md"}
        wanted = replace(exported, **files, gif=folder / "policy.gif" if gif else None)
        write_files(wanted, content, policy, source.reproduce)

    exports = dict.fromkeys(("policy.onnx", "policy.md"), b"old")
    beside = {"policy.md": "policy.onnx"}
    return [
        Writer(
            "a checkpoint",
            lambda folder: checkpoint.save(folder / "checkpoint.safetensors"),
            {"checkpoint.safetensors": _saved(older)},
            {},
        ),
        Writer("metrics of a resumed run", write_metrics, {"metrics.jsonl": metrics}, {}),
        Writer("a report", lambda folder: write_report(folder / "a.json", report), {"a.json": b"old"}, {}),
        Writer("a replay", write_replay, {"eval.jsonl.gz": b"old"}, {}),
        Writer(
            "a GIF",
            lambda folder: record_episode(actor_of(policy), "CartPole-v1", 7, folder / "a.gif") and None,
            {"a.gif": b"old"},
            {},
        ),
        Writer("a first export", lambda folder: write_export(folder, True), {}, beside),
        Writer("an export over an older one", lambda folder: write_export(folder, False), exports, beside),
    ]


class _Into:
    """Keeps every episode."""

    def __init__(self, episodes: list[object]) -> None:
        self._episodes = episodes

    def on_episode(self, episode: object) -> None:
        self._episodes.append(episode)


def _saved(checkpoint: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.safetensors"
        checkpoint.save(path)  # pyright: ignore[reportAttributeAccessIssue]
        return path.read_bytes()


if __name__ == "__main__":
    main()
