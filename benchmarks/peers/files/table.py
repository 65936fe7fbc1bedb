"""Gives the files of the make_*.py scripts to `lander` and prints the table of docs/other-libraries.md.

    python benchmarks/peers/files/table.py FOLDER --lander lander [--out FILE]

Checkpoints are exported, ONNX files of other libraries evaluated as they are. The actions are then compared
with those that the library itself took on the same 1,000 observations: "equal" for discrete ones, for
continuous ones the largest difference over the range of the actions. The first line of `lander` is noted,
and where it refuses a file the sentence that it says.
"""

import argparse
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lander_runtime import Policy
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.policy.base import PolicyFile


def try_file(lander: str, about: dict[str, Any], folder: Path, work: Path) -> dict[str, Any]:
    """One row."""
    source = folder / about["file"]
    common = ["--env", about["env"], *about["options"]]
    if source.suffix == ".onnx":
        command = ["eval", str(source), *common, "--episodes", "5", "--out", str(work / "report.json")]
        policy = source
    else:
        policy = work / source.with_suffix(".onnx").name
        command = ["export", str(source), *common, "--out", str(policy), "--episodes", "5", "--no-gif"]
    done = subprocess.run([lander, *command], capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()
    row = {
        **about, "command": " ".join(["lander", command[0], source.name, *common]), "exit": done.returncode,
        "said": (said[0] if done.returncode == 0 and said else " ".join(said)).replace(f"{folder}/", ""),
    }  # fmt: skip
    if done.returncode == 0 and not about["refused"]:
        compared = np.load(source.with_suffix(".npz"))
        row["result"] = compare(opened(policy, about), compared["observations"], compared["actions"])
    else:
        row["result"] = "refused" if done.returncode == 3 else f"exit {done.returncode}"
    return row


def opened(path: Path, about: dict[str, Any]) -> PolicyFile:
    """The file as `lander eval` opens it."""
    if (path.parent / about["file"]) != path:
        return Policy.load(path, "cpu")
    said = dict(zip(about["options"][::2], about["options"][1::2], strict=True))
    return ForeignPolicy.load(
        path, about["env"], "cpu", said.get("--output"), action_range=said.get("--action-range")
    )


def compare(policy: PolicyFile, observations: np.ndarray, actions: np.ndarray) -> str:
    """What a file's actions differ by, in words."""
    # One by one: a graph of another library may take batches of 1 only.
    found = np.array([policy.act(obs) for obs in observations])
    if np.issubdtype(found.dtype, np.integer):
        return f"{int((found.ravel() == actions.ravel()).sum())} of {len(actions)} equal"
    width = np.ptp(actions, axis=0).max()
    return f"differ by {np.abs(found - actions.reshape(found.shape)).max() / width:.1e}"


def main() -> None:
    """Print a row for every file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lander", default="lander", help="the command")
    parser.add_argument("--only", default="", help="only files whose name has this in it")
    parser.add_argument("--out", type=Path, help="where to write the rows as JSON")
    arguments = parser.parse_args()
    work = arguments.folder / "exported"
    work.mkdir(exist_ok=True)
    rows = [
        try_file(arguments.lander, json.loads(path.read_text()), arguments.folder, work)
        for path in sorted(arguments.folder.glob("*.json"))
        if arguments.only in path.name
    ]
    shutil.rmtree(work)
    for row in rows:
        print(
            f"| {row['library']} {row['version']} | {row['recipe']} | `{row['command']}` | {row['result']} |"
        )
        print(f"    {row['said']}")
    print(dict(Counter("refused" if row["exit"] else "in" for row in rows)))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
