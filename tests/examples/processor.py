"""What this machine's processor has, where a test depends on it."""

import platform
from pathlib import Path


def has_fma() -> bool:
    """Whether ONNX Runtime rounds here as `examples/node/lib/single.js` does: x86-64 with fused products."""
    cpuinfo = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and cpuinfo.is_file() and " fma " in cpuinfo.read_text()
