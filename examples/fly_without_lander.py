"""Run a policy file with numpy, onnxruntime and gymnasium alone: nothing of lander is imported.

python examples/fly_without_lander.py models/lunarlander-v3/policy.onnx
"""

import json
import sys

import gymnasium
import onnxruntime

if len(sys.argv) != 2:
    sys.exit("usage: python examples/fly_without_lander.py POLICY.onnx")
try:
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    recipe = json.loads(session.get_modelmeta().custom_metadata_map["lander.policy"])["env"]
except Exception as error:  # ONNX Runtime has a class of its own for each cause, and exports none
    sys.exit(f"{sys.argv[1]}: not a policy file of lander ({error})")
env = gymnasium.make(recipe["id"], **recipe["kwargs"])

obs, _ = env.reset(seed=1_000_000)
total, done = 0.0, False
while not done:
    action = session.run(["action"], {"obs": obs[None]})[0][0]
    obs, reward, terminated, truncated, _ = env.step(action)
    total, done = total + float(reward), terminated or truncated
print(f"return {total:.2f}")
