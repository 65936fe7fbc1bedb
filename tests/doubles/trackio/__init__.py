"""A small real stand-in for trackio: it prints on stdout like the package, and writes its calls to $CALLS."""

import json
import os
from pathlib import Path
from typing import Any


def _record(**call: Any) -> None:
    with Path(os.environ["CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")


def init(project: str, *, name: str, resume: str, config: dict[str, Any], embed: bool) -> None:
    print(f"* Created new run: {name}")
    _record(init={"project": project, "name": name, "resume": resume, "config": config, "embed": embed})


def log(metrics: dict[str, Any], step: int | None = None) -> None:
    _record(log=metrics, step=step)


def finish() -> None:
    print("* Run finished.")
    _record(finish=True)
