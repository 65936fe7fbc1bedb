"""Run, score and record a policy file with ONNX Runtime. Needs numpy and onnxruntime, never PyTorch.

    from lander_runtime import Policy
    policy = Policy.load("policy.onnx")
    action = policy.act(observation)

Names are resolved on first use (PEP 562), so that importing an error class or asking the command
for its help does not load ONNX Runtime, and nothing here ever loads gymnasium by itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lander_runtime.errors import CheckFailed, InputRefused, LanderError, MachineLacks, UsageError

if TYPE_CHECKING:
    from lander_runtime.evaluation import evaluate
    from lander_runtime.info import PolicyInfo
    from lander_runtime.policy import Policy
    from lander_runtime.spec import EnvSpec

__all__ = [
    "CheckFailed",
    "EnvSpec",
    "InputRefused",
    "LanderError",
    "MachineLacks",
    "Policy",
    "PolicyInfo",
    "UsageError",
    "evaluate",
]

_LAZY = {
    "EnvSpec": "lander_runtime.spec",
    "Policy": "lander_runtime.policy",
    "PolicyInfo": "lander_runtime.info",
    "evaluate": "lander_runtime.evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
