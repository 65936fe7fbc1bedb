"""64 landers at once through Gymnasium's plain vector API, then a state saved and flown on from, bit for bit.

    python examples/simulator/vector_env.py

Needs `lander-rl[eval]` with the simulator compiled. The returns below are the simulator's own: a score that
you report comes from Gymnasium's environment, `lander eval`.
"""

import time

import gymnasium as gym
import numpy as np
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import lander_simulator

STEPS = 1000


def steer(observations: np.ndarray) -> np.ndarray:
    """Brakes when falling fast, turns upright; a policy takes this function's place."""
    _, _, _, falling, angle, spin, left, right = observations.T
    brake = falling < -0.25
    turn = np.where(angle + spin > 0.1, 3, np.where(angle + spin < -0.1, 1, 0))
    actions = np.where(np.abs(angle) > 0.2, turn, np.where(brake, 2, turn))
    return np.where((left > 0) & (right > 0), 0, actions)


def main() -> None:
    """Fly, count, save, go back."""
    lander_simulator.register()
    envs = RecordEpisodeStatistics(gym.make_vec("lander_simulator/LunarLander-v3", num_envs=64))
    observations, _ = envs.reset(seed=1)
    returns: list[float] = []
    began = time.perf_counter()
    for _ in range(STEPS):
        observations, _, _, _, info = envs.step(steer(observations))
        if "episode" in info:
            returns += info["episode"]["r"][info["_episode"]].tolist()
    seconds = time.perf_counter() - began
    print(f"{STEPS * 64:,} steps in {seconds:.2f} s, {len(returns)} episodes, mean {np.mean(returns):.1f}")

    state = envs.unwrapped.state()
    first = [envs.step(steer(observations))[0] for _ in range(3)][-1]
    envs.unwrapped.restore(state)
    again = [envs.step(steer(observations))[0] for _ in range(3)][-1]
    print(
        "flown again from the saved state:", "the same bits" if np.array_equal(first, again) else "DIFFERENT"
    )
    envs.close()


if __name__ == "__main__":
    main()
