"""The training loop that this project started from: PPO in one page of PyTorch, as in a good notebook.

    python benchmarks/peers/notebook.py --steps 2_500_000 --seed 1

Gymnasium's SyncVectorEnv, 16 environments x 1024 steps, two networks of 2 x 128 tanh units, Adam at
0.003 that falls linearly over the run and by 0.9 an epoch inside an update. The same settings are the
preset `notebook` of lander. Eager; with PyTorch's own choice of threads unless `--threads` says
otherwise. One JSON object on stdout.
"""

import math
import time

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Categorical

from measure import ENV, Clock, parser, publish, score, versions

LANES, ROLLOUT = 16, 1024
EPOCHS, MINIBATCHES = 4, 64
LEARNING_RATE, EPOCH_DECAY, ADAM_EPSILON = 0.003, 0.9, 1e-5
ANNEAL_STEPS = 2_500_000
"""The learning rate falls to 0 over these steps; a shorter run has the first part of the same schedule."""
GAMMA, GAE_LAMBDA = 0.999, 0.98
CLIP, VALUE_COEF, ENTROPY_COEF = 0.2, 0.5, 0.01
MAX_GRAD_NORM, TARGET_KL = 0.5, 0.015
HIDDEN = 128


def main() -> None:
    """Train, score, print."""
    options = parser(__doc__).parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    clock = Clock(options.until_solved)
    actor, steps = train(options.steps, options.seed, clock)

    def greedy(obs: NDArray[np.float32]) -> NDArray[np.int64]:
        with torch.no_grad():
            return actor(torch.from_numpy(obs)).argmax(-1).numpy()

    publish(
        {
            **clock.report(steps),
            **score(greedy, options.episodes),
            "scored": "final weights",
            "torch_threads": torch.get_num_threads(),
            "versions": versions("torch", "gymnasium"),
        }
    )


def network(inputs: int, outputs: int, last_gain: float) -> nn.Sequential:
    """Two hidden tanh layers, orthogonal weights, zero biases."""
    layers = [nn.Linear(inputs, HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, outputs)]
    for layer, gain in zip(layers, (math.sqrt(2), math.sqrt(2), last_gain), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


def train(total_steps: int, seed: int, clock: Clock) -> tuple[nn.Sequential, int]:
    """The trained actor and the steps done: `total_steps`, rounded up to whole rollouts."""
    torch.manual_seed(seed)
    # An environment whose episode ends is reset in the same call, so that every row is a real step.
    envs = SyncVectorEnv(
        [lambda: gymnasium.make(ENV) for _ in range(LANES)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    observations = envs.single_observation_space.shape[0]
    actor = network(observations, int(envs.single_action_space.n), last_gain=0.01)
    critic = network(observations, 1, last_gain=1.0)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, eps=ADAM_EPSILON)

    all_obs = torch.zeros(ROLLOUT, LANES, observations)
    all_actions = torch.zeros(ROLLOUT, LANES, dtype=torch.int64)
    all_log_probs, all_rewards, all_values, all_dones = (torch.zeros(ROLLOUT, LANES) for _ in range(4))
    episode_returns = np.zeros(LANES)
    steps = 0
    updates = math.ceil(max(total_steps, ANNEAL_STEPS) / (LANES * ROLLOUT))

    clock.start()
    obs = torch.from_numpy(envs.reset(seed=seed)[0])
    for update in range(math.ceil(total_steps / (LANES * ROLLOUT))):
        for step in range(ROLLOUT):
            with torch.no_grad():
                policy = Categorical(logits=actor(obs))
                action = policy.sample()
                all_values[step] = critic(obs).squeeze(-1)
                all_log_probs[step] = policy.log_prob(action)
            all_obs[step], all_actions[step] = obs, action

            before = time.perf_counter()
            next_obs, rewards, terminated, truncated, infos = envs.step(action.numpy())
            clock.environment_seconds += time.perf_counter() - before
            steps += LANES

            dones = terminated | truncated
            episode_returns += rewards
            for lane in np.flatnonzero(dones):
                clock.episode(float(episode_returns[lane]), steps)
                episode_returns[lane] = 0.0
            # After a time limit, the critic's value stands for the rewards that were cut off.
            for lane in np.flatnonzero(truncated & ~terminated):
                with torch.no_grad():
                    rewards[lane] += GAMMA * critic(torch.from_numpy(infos["final_obs"][lane])).item()
            all_rewards[step] = torch.from_numpy(rewards)
            all_dones[step] = torch.from_numpy(dones)
            obs = torch.from_numpy(next_obs)

        with torch.no_grad():
            last_values = critic(obs).squeeze(-1)
        advantages = gae(all_rewards, all_values, all_dones, last_values)
        rows = (
            all_obs.flatten(0, 1),
            all_actions.flatten(),
            all_log_probs.flatten(),
            all_values.flatten(),
            advantages.flatten(),
            (advantages + all_values).flatten(),
        )
        for epoch in range(EPOCHS):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * (1.0 - update / updates) * EPOCH_DECAY**epoch
            divergences = []
            for index in torch.randperm(LANES * ROLLOUT).chunk(MINIBATCHES):
                loss, divergence = ppo_loss(actor, critic, *(column[index] for column in rows))
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, MAX_GRAD_NORM)
                optimizer.step()
                divergences.append(divergence)
            if torch.stack(divergences).mean() > TARGET_KL:
                break
        if clock.over():
            break
    clock.stop()
    envs.close()
    return actor, steps


def gae(rewards: Tensor, values: Tensor, dones: Tensor, last_values: Tensor) -> Tensor:
    """Advantages `[T, N]`; `last_values` `[N]` is what follows the last row."""
    advantages = torch.zeros_like(rewards)
    running = torch.zeros_like(last_values)
    next_values = last_values
    for step in reversed(range(len(rewards))):
        alive = 1.0 - dones[step]
        delta = rewards[step] + GAMMA * next_values * alive - values[step]
        running = delta + GAMMA * GAE_LAMBDA * alive * running
        advantages[step] = running
        next_values = values[step]
    return advantages


def ppo_loss(
    actor: nn.Module,
    critic: nn.Module,
    obs: Tensor,
    actions: Tensor,
    old_log_probs: Tensor,
    old_values: Tensor,
    advantages: Tensor,
    returns: Tensor,
) -> tuple[Tensor, Tensor]:
    """Loss of one minibatch and its approximate KL divergence from the policy that acted."""
    policy = Categorical(logits=actor(obs))
    log_ratios = policy.log_prob(actions) - old_log_probs
    ratios = log_ratios.exp()
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    policy_loss = -torch.min(ratios * advantages, ratios.clamp(1 - CLIP, 1 + CLIP) * advantages).mean()
    values = critic(obs).squeeze(-1)
    clipped = old_values + (values - old_values).clamp(-CLIP, CLIP)
    value_loss = 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2).mean()
    loss = policy_loss + VALUE_COEF * value_loss - ENTROPY_COEF * policy.entropy().mean()
    with torch.no_grad():
        divergence = (ratios - 1 - log_ratios).mean()
    return loss, divergence


if __name__ == "__main__":
    main()
