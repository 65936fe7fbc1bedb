"""Material for the pictures: a policy early in its training, a rollout of it, many flights from one start.

Everything is made with the trainer's own parts, from fixed seeds, in a few seconds on a CPU. Apart from
`ppo.py` because it draws nothing.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.spec import EnvSpec
from lander_trainer import TrainConfig, preset
from lander_trainer.backends import StepResult, open_backend
from lander_trainer.learners import Learner, open_learner
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.build import build_network
from lander_trainer.plan import check_trainable
from lander_trainer.ppo.batch import Batch, make_batch
from lander_trainer.ppo.rollout import Collector, Rollout
from lander_trainer.ppo.schedule import learning_rate

UPDATES = 10
"""How long the policy in the pictures has learned: long enough to prefer some actions, not to land."""


@dataclass(frozen=True)
class Moment:
    """A run of the default preset between collecting its last rollout and learning from it."""

    config: TrainConfig
    env: EnvSpec
    learner: Learner
    """With the weights that acted."""
    rollout: Rollout
    batch: Batch
    steps: int
    """Environment steps of the updates that lie behind."""

    @property
    def network(self) -> ActorCritic:
        """The policy that acted and its critic."""
        return self.learner.network

    @property
    def rate(self) -> float:
        """The learning rate of the update that comes next."""
        return learning_rate(self.config, UPDATES / self.config.updates, UPDATES)

    def after_the_update(self) -> ActorCritic:
        """What one whole update makes of the networks; those that acted stay as they are."""
        network = copy.deepcopy(self.network)
        learner = open_learner(self.config, network)
        learner.restore(self.learner.state())
        learner.update(self.rollout, self.rate, np.random.default_rng(self.config.seed))
        return network


def early_in_training() -> Moment:
    """Train for `UPDATES` updates on Gymnasium, half the preset's lanes and minibatches, then collect."""
    config = preset("LunarLander-v3")
    config = replace(
        config,
        lanes=config.lanes // 2,
        minibatches=config.minibatches // 2,
        backend="gymnasium",
        device="cpu",
        learner="handwritten",
        workers=1,
    )
    env = envs.resolve(config.env)
    learner = open_learner(config, build_network(*check_trainable(env), config))
    rng = np.random.default_rng(config.seed)
    backend = open_backend(config.backend, env, config.lanes, config.seed, config.workers)
    collector = Collector(backend, backend.reset(), config.rollout_steps, rng, learner.network.distribution)
    steps = 0
    for update in range(UPDATES):
        rollout = collector.collect(learner.forward)
        learner.update(rollout, learning_rate(config, update / config.updates, update), rng)
        steps += int(rollout.live.sum())
    rollout = collector.collect(learner.forward)
    backend.close()
    values = values_of(learner.network, rollout)
    batch = make_batch(rollout, values, config, learner.network.distribution)
    return Moment(config, env, learner, rollout, batch, steps)


def values_of(network: ActorCritic, rollout: Rollout) -> NDArray[np.float32]:
    """What the critic says of every observation, `[T + 1, N]`."""
    with torch.inference_mode():
        steps, lanes = rollout.obs.shape[:2]
        return network.values(torch.from_numpy(rollout.obs).flatten(0, 1)).view(steps, lanes).numpy()


def flights_from_one_start(moment: Moment, start: int, flights: int) -> Rollout:
    """Whole episodes that begin in the same state and differ in actions and in the engines' noise.

    Args:
        moment: has the policy.
        start: seed of the first state.
        flights: N.
    """
    limit = moment.env.max_episode_steps
    assert limit is not None, "LunarLander has one"
    lanes = _OneStart(moment.env, start, flights)
    collector = Collector(
        lanes, lanes.reset(), limit, np.random.default_rng(start), moment.network.distribution
    )
    rollout = collector.collect(moment.learner.forward)
    lanes.close()
    return rollout


class _OneStart:
    """A backend whose lanes begin alike and run one episode each; ignore what follows its end."""

    name = "one start"

    def __init__(self, env: EnvSpec, start: int, lanes: int) -> None:
        self.lanes = lanes
        self._start = start
        self._envs: list[gymnasium.Env[Any, Any]] = [envs.make(env) for _ in range(lanes)]
        self._obs = np.zeros((lanes, *(self._envs[0].observation_space.shape or ())), np.float32)
        self._flying = np.ones(lanes, bool)

    def reset(self) -> NDArray[Any]:
        for lane, env in enumerate(self._envs):
            self._obs[lane], _ = env.reset(seed=self._start)
            # The same seed would give every lane the same noise of the engines, too.
            env.unwrapped.np_random = np.random.default_rng([self._start, lane])
        return self._obs

    def step(self, actions: NDArray[np.int64]) -> StepResult:
        rewards = np.zeros(self.lanes, np.float32)
        terminated, truncated = np.zeros((2, self.lanes), bool)
        for lane in np.flatnonzero(self._flying):
            self._obs[lane], reward, ended, cut, _ = self._envs[lane].step(int(actions[lane]))
            rewards[lane], terminated[lane], truncated[lane] = float(reward), ended, cut and not ended
        self._flying &= ~(terminated | truncated)
        return StepResult(self._obs, rewards, terminated, truncated)

    def state(self) -> None:
        """Nothing resumes these flights."""

    def close(self) -> None:
        for env in self._envs:
            env.close()
