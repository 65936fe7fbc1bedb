"""Score a policy that is not a file: here the controller that comes with Gymnasium.

python examples/custom_policy.py [EPISODES]

Any function from observations `[batch, 8]` to actions `[batch]` is scored like a policy file, on the same
episodes: a rule written by hand, a PyTorch module, or a service on the network:

    def service(obs):
        request = urllib.request.Request(ADDRESS, json.dumps(obs.tolist()).encode())
        return np.array(json.load(urllib.request.urlopen(request)))
"""

import sys

import gymnasium
import numpy as np
from gymnasium.envs.box2d.lunar_lander import heuristic

from lander_runtime import evaluate


class Controller:
    """Gymnasium's own controller; of the environment it only reads whether actions are continuous."""

    def __init__(self) -> None:
        self.env = gymnasium.make("LunarLander-v3").unwrapped

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """Observations `[batch, 8]` to actions `[batch]`."""
        return np.array([heuristic(self.env, row) for row in obs])


if __name__ == "__main__":
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    report = evaluate(Controller(), "LunarLander-v3", episodes=episodes)
    summary = report.summary
    print(f"{summary.mean_return:.1f} +- {summary.std_return:.1f} over {episodes} episodes")
    print(summary.outcome_counts)
