"""LunarLander's physics in C++, many landers at a time: for training; scores come from Gymnasium.

`LunarLanderBatch` needs numpy alone. `LunarLanderVectorEnv` is Gymnasium's view of it, and `register()` puts
it into Gymnasium's registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lander_simulator.batch import STATE, BatchStep, LunarLanderBatch
from lander_simulator.library import SimulatorUnavailable, why_unavailable
from lander_simulator.registration import register

if TYPE_CHECKING:
    from lander_simulator.vector_env import LunarLanderVectorEnv

__all__ = [
    "STATE",
    "BatchStep",
    "LunarLanderBatch",
    "LunarLanderVectorEnv",
    "SimulatorUnavailable",
    "register",
    "why_unavailable",
]


def __getattr__(name: str) -> Any:
    if name == "LunarLanderVectorEnv":  # imports gymnasium, which the core does without
        from lander_simulator.vector_env import LunarLanderVectorEnv

        return LunarLanderVectorEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
