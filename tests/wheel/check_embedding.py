"""In an environment with the extra `cpu` only: the shipped policy runs and nothing heavy is loaded."""

import sys

import numpy as np

from lander_runtime import Policy
from lander_runtime.shipped import shipped_policies

shipped = shipped_policies()
assert "lunarlander-v3" in shipped, f"the wheel ships {sorted(shipped)}"
policy = Policy.load(shipped["lunarlander-v3"])
assert policy.act(np.zeros(8, np.float32)) in range(4)
assert policy.self_test() <= 1e-5
loaded = {"torch", "onnx", "gymnasium", "imageio", "PIL", "matplotlib"} & set(sys.modules)
assert not loaded, f"embedding a policy loaded {sorted(loaded)}"
