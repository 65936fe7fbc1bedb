"""Describes the machine of a measurement, in the same way for every script here and without its name."""

import os
import platform
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux describes the processor."""


def machine() -> dict[str, Any]:
    """System, processor, and the number of cores that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": f"{platform.system()} {platform.machine()}", "cpu": processor(), "cores": usable}


def processor() -> str:
    """The processor's name, family and model: virtual machines may call every generation "AMD EPYC"."""
    try:
        first, _, _ = CPUINFO.read_text(encoding="utf-8").partition("\n\n")
    except OSError:
        return platform.processor() or platform.machine()
    info = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())
    }
    name = info.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key.removeprefix('cpu ')} {info[key]}" for key in ("cpu family", "model") if key in info]
    return ", ".join([name, *numbers])
