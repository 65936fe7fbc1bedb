"""The machine that a timing was taken on, described the same way by every script here, without naming it."""

import os
import platform
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
"""What Linux says of the processor."""


def machine() -> dict[str, Any]:
    """System, processor, and how many cores this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": f"{platform.system()} {platform.machine()}", "cpu": processor(), "cores": usable}


def processor() -> str:
    """Its name with family and model: hosts of virtual machines call every generation "AMD EPYC"."""
    try:
        first, _, _ = CPUINFO.read_text(encoding="utf-8").partition("\n\n")
    except OSError:
        return platform.processor() or platform.machine()
    said = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())
    }
    name = said.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key.removeprefix('cpu ')} {said[key]}" for key in ("cpu family", "model") if key in said]
    return ", ".join([name, *numbers])
