"""A small real stand-in for wandb: it writes its calls to $CALLS, one JSON object a line.

It takes the arguments that lander gives and no others. WANDB_REFUSES=init or log makes that call fail.
"""

import json
import os
from pathlib import Path
from typing import Any


class UsageError(Exception):
    pass


def _record(**call: Any) -> None:
    with Path(os.environ["CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")


def _refuse(where: str) -> None:
    if os.environ.get("WANDB_REFUSES") == where:
        raise UsageError(f"No API key\nfor {where}.")


class Run:
    def log(self, data: dict[str, Any], step: int | None = None) -> None:
        _refuse("log")
        _record(log=data, step=step)

    def finish(self) -> None:
        _record(finish=True)


def init(
    *,
    project: str,
    name: str,
    id: str,  # noqa: A002
    resume: str,
    dir: str,  # noqa: A002
    config: dict[str, Any],
    settings: dict[str, Any],
) -> Run:
    _refuse("init")
    _record(
        init={
            "project": project,
            "name": name,
            "id": id,
            "resume": resume,
            "dir": dir,
            "config": config,
            "settings": settings,
        }
    )
    return Run()
