"""PPO in one file, in CleanRL's manner, on the simulator: only the line that makes the environments changes.

    python examples/simulator/cleanrl_ppo.py                 the simulator
    python examples/simulator/cleanrl_ppo.py --gymnasium     Gymnasium's environment, for comparison

Needs `lander-rl[train]`. Prints how long a training mean of 200 took; `--until-200` stops there
(docs/simulator.md has the times). The agent's parameters have CleanRL's names (`actor.*`, `critic.*`):
`lander export agent.pth --env LunarLander-v3` makes an ONNX policy of them.
"""

import argparse
import time
from collections import deque

import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from torch import nn
from torch.distributions import Categorical

import lander_simulator

NUM_ENVS, NUM_STEPS, EPOCHS, MINIBATCHES = 16, 1024, 4, 64
GAMMA, GAE_LAMBDA, CLIP, ENTROPY, VALUE, MAX_GRAD_NORM = 0.999, 0.98, 0.2, 0.01, 0.5, 0.5
LEARNING_RATE, REWARD_SCALE = 1e-3, 0.05


def layer(inputs: int, outputs: int, std: float = 2**0.5) -> nn.Linear:
    """A linear layer with orthogonal weights."""
    linear = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(linear.weight, std)
    nn.init.zeros_(linear.bias)
    return linear


class Agent(nn.Module):
    """Actor and critic, two tanh layers of 64 each."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = nn.Sequential(layer(8, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 1, 1.0))
        self.actor = nn.Sequential(layer(8, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 4, 0.01))

    def value(self, obs: torch.Tensor) -> torch.Tensor:
        """Observations [..., 8] -> values [...]."""
        return self.critic(obs).squeeze(-1)

    def distribution(self, obs: torch.Tensor) -> Categorical:
        """Observations [..., 8] -> a distribution over the four actions."""
        return Categorical(logits=self.actor(obs))


def advantages(
    rewards: torch.Tensor, values: torch.Tensor, ended: torch.Tensor, next_value: torch.Tensor
) -> torch.Tensor:
    """GAE [T, N]; `ended` [T, N] tells whether the episode was over after the step."""
    result, last = torch.zeros_like(rewards), torch.zeros(NUM_ENVS)
    for t in reversed(range(len(rewards))):
        following = next_value if t + 1 == len(rewards) else values[t + 1]
        delta = rewards[t] + GAMMA * following * ~ended[t] - values[t]
        last = delta + GAMMA * GAE_LAMBDA * ~ended[t] * last
        result[t] = last
    return result


def learn(
    agent: Agent,
    optimizer: torch.optim.Optimizer,
    obs: torch.Tensor,
    actions: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantage: torch.Tensor,
    returns: torch.Tensor,
) -> None:
    """One PPO update over rows [B] of a rollout."""
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(obs)).chunk(MINIBATCHES):
            distribution = agent.distribution(obs[rows])
            ratio = (distribution.log_prob(actions[rows]) - old_logprobs[rows]).exp()
            gain = advantage[rows]
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            policy_loss = -torch.min(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain).mean()
            value_loss = (agent.value(obs[rows]) - returns[rows]).square().mean() / 2
            loss = policy_loss - ENTROPY * distribution.entropy().mean() + VALUE * value_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
            optimizer.step()


def main() -> None:
    """Train, say when 200 was reached, save."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--gymnasium", action="store_true", help="train in Gymnasium's environment")
    options.add_argument("--steps", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--until-200", action="store_true", help="stop at a training mean of 200")
    options.add_argument("--out", default="agent.pth", help="where the agent's state dict goes")
    chosen = options.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)

    lander_simulator.register()
    name = "LunarLander-v3" if chosen.gymnasium else "lander_simulator/LunarLander-v3"
    envs = RecordEpisodeStatistics(gym.make_vec(name, num_envs=NUM_ENVS))

    agent = Agent()
    optimizer = torch.optim.Adam(agent.parameters(), LEARNING_RATE, eps=1e-5)
    found, recent = None, deque[float](maxlen=100)
    began, used = time.perf_counter(), time.process_time()
    obs = torch.as_tensor(envs.reset(seed=chosen.seed)[0])
    over = torch.zeros(NUM_ENVS, dtype=torch.bool)
    updates = max(1, chosen.steps // (NUM_ENVS * NUM_STEPS))
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - update / updates)
        rollout: list[list[torch.Tensor]] = []
        for _ in range(NUM_STEPS):
            with torch.no_grad():
                distribution, value = agent.distribution(obs), agent.value(obs)
                action = distribution.sample()
            next_obs, reward, terminated, truncated, info = envs.step(action.numpy())
            reset, over = over, torch.as_tensor(terminated | truncated)
            rewards = torch.as_tensor(reward * REWARD_SCALE, dtype=torch.float32)
            rollout.append([obs, action, distribution.log_prob(action), value, rewards, over, reset])
            obs = torch.as_tensor(next_obs)
            if "episode" in info:
                recent += info["episode"]["r"][info["_episode"]].tolist()
        steps = (update + 1) * NUM_ENVS * NUM_STEPS
        if found is None and len(recent) == 100 and np.mean(recent) >= 200:
            clock, processor = time.perf_counter() - began, time.process_time() - used
            found = f"{clock:.1f} s ({processor:.1f} s of processor time), {steps:,} steps"
            if chosen.until_200:
                break
        all_obs, actions, logprobs, values, rewards, ended, resets = map(
            torch.stack, zip(*rollout, strict=True)
        )
        with torch.no_grad():
            advantage = advantages(rewards, values, ended, agent.value(obs))
        # With next-step autoreset the step after an episode's end only resets: its action did nothing.
        kept = ~resets
        learn(
            agent,
            optimizer,
            all_obs[kept],
            actions[kept],
            logprobs[kept],
            advantage[kept],
            (advantage + values)[kept],
        )
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    mean = f"{np.mean(recent):.1f}" if recent else "none"
    print(
        f"{steps:,} steps in {seconds:.0f} s ({processor:.0f} s of processor time); "
        f"mean of the last episodes {mean}; 200 after {found or 'never'}"
    )
    torch.save(agent.state_dict(), chosen.out)
    envs.close()


if __name__ == "__main__":
    main()
