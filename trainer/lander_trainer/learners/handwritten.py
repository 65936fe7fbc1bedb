"""PPO updates with handwritten gradients: the fastest way on a CPU for networks of this size.

The same arithmetic as `autograd.py`, which reads like the papers; a test compares the two. In NumPy it is
three times faster, because no graph is built and every intermediate result has a buffer. With the compiled
`kernels` it is up to twice as fast again. The critic can learn beside the actor: in a thread where compiled,
in a process of its own otherwise, because NumPy's many small calls hold Python's lock.
"""

import copy
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_runtime.workers.remote import LocalWorker, RemoteWorker, Worker
from lander_runtime.workers.thread import ThreadWorker
from lander_trainer.config import TrainConfig
from lander_trainer.learners.base import LearningStatistics, UpdateStatistics, check_finite
from lander_trainer.learners.compiled import (
    CompiledActorLearner,
    CompiledCriticLearner,
    CompiledPerceptron,
)
from lander_trainer.learners.fits import ActorLearner, AdamState, CriticEpoch
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.learners.numpy_fits import (
    NumpyActorLearner,
    NumpyCriticLearner,
    NumpyGaussianActorLearner,
    open_critic,
)
from lander_trainer.learners.perceptron import Perceptron
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.ppo.advantages import explained_variance
from lander_trainer.ppo.batch import Batch, epoch_order, make_batch, minibatch_advantages, minibatch_size
from lander_trainer.ppo.losses import ppo_loss
from lander_trainer.ppo.rollout import Rollout
from lander_trainer.ppo.schedule import epoch_rates


class HandwrittenLearner:
    """PPO for a categorical or Gaussian actor and a critic that are multilayer perceptrons."""

    _actor: ActorLearner
    _critic: Worker
    _policy_network: Perceptron | CompiledPerceptron
    _value_network: Perceptron | CompiledPerceptron

    def __init__(self, network: ActorCritic, config: TrainConfig) -> None:
        self.network = network
        self._config = config
        self._flat = FlatParameters.of(network)
        actor, critic = (self._flat.layout.only(name) for name in ("actor", "critic"))
        self._actor_values, self._critic_values = np.split(self._flat.values.numpy(), [actor.size])
        self._log_std = None if network.actor_log_std is None else actor.split(self._actor_values)[0]
        if config.learner == "compiled":
            self._open_compiled(actor, critic)
        else:
            self._open_numpy(actor, critic)

    def _open_compiled(self, actor: ParameterLayout, critic: ParameterLayout) -> None:
        config = self._config
        self._actor = CompiledActorLearner(actor, config, self._actor_values)
        self._policy_network = CompiledPerceptron(actor, self._actor_values, config.activation)
        self._value_network = CompiledPerceptron(critic, self._critic_values, config.activation)
        worker = ThreadWorker if config.critic_process == "yes" else LocalWorker
        self._critic = worker(CompiledCriticLearner(critic, config, self._critic_values))

    def _open_numpy(self, actor: ParameterLayout, critic: ParameterLayout) -> None:
        config = self._config
        continuous = self._log_std is not None
        kind = NumpyGaussianActorLearner if continuous else NumpyActorLearner
        self._actor = kind(actor, config, self._actor_values)
        parts = actor.split(self._actor_values)[int(continuous) :]
        self._policy_network = Perceptron(parts, [], config.activation)
        self._value_network = Perceptron(critic.split(self._critic_values), [], config.activation)
        if config.critic_process == "yes":
            self._critic = remote = RemoteWorker(open_critic, critic, config)
            try:
                remote.receive()
                # Room for the result of an epoch, values and norms, so that the critic can send it and go on
                # before it is received.
                remote.expect(4 * config.minibatches * (minibatch_size(config) + 1) + 1024)
            except BaseException:
                self._critic.close()
                raise
        else:
            self._critic = LocalWorker(NumpyCriticLearner(critic, config, self._critic_values))

    def forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], None]:
        outputs = self._policy_network.forward(_float(obs)).T
        if self._log_std is None:
            return outputs, None
        return np.concatenate([outputs, np.broadcast_to(self._log_std, outputs.shape)], axis=-1), None

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        config, critic = self._config, self._critic
        check_finite(observations=rollout.obs, rewards=rollout.rewards)
        # Checks below name what is not finite; NumPy's warnings would say less.
        with np.errstate(all="ignore"):
            values = self._values(rollout.obs)
            check_finite(values=values)
            batch = make_batch(rollout, values, config, self.network.distribution)
            # The critic draws the same orders from a copy of the generator: sending the orders would double
            # the data.
            rng_copy = copy.deepcopy(rng)
            critic.send(
                "begin", self._critic_values, _float(batch.obs), batch.old_values, batch.returns, rng_copy
            )
            critic.receive()
            rates = epoch_rates(config, learning_rate)
            # The critic does not depend on the actor, so its epochs are sent one ahead and neither waits for
            # the other. Not more than one: calls and results that fill both pipes would block both sides. And
            # none with a KL stop, which the actor decides only at the end of its epoch.
            ahead = 1 if config.target_kl is None else 0
            for rate in rates[:ahead]:
                critic.send("epoch", rate)
            passes: list[LearningStatistics] = []
            for rate, next_rate in zip_longest(rates, rates[ahead:]):
                if next_rate is not None:
                    critic.send("epoch", next_rate)
                passes.append(self._epoch(batch, epoch_order(len(batch.actions), config, rng), rate))
                check_finite(**passes[-1]._asdict())
                if config.target_kl is not None and passes[-1].approx_kl > config.target_kl:
                    break
            critic.send("weights")
            self._critic_values[:] = critic.receive()
        return UpdateStatistics(
            LearningStatistics(*np.mean(passes, axis=0).tolist()),
            explained_variance=explained_variance(batch.old_values, batch.returns),
            learning_rate=learning_rate,
            epochs=len(passes),
        )

    def state(self) -> dict[str, Tensor]:
        self._critic.send("state")
        parts: tuple[AdamState, AdamState] = (self._actor.state(), self._critic.receive())
        means, squares = (
            torch.from_numpy(np.concatenate(arrays))
            for arrays in zip(*((part.exp_avg, part.exp_avg_sq) for part in parts), strict=True)
        )
        return self._flat.adam_state(parts[0].steps, means, squares)

    def restore(self, state: dict[str, Tensor]) -> None:
        steps, means, squares = self._flat.read_adam_state(state)
        size = len(self._actor_values)
        self._actor.restore(AdamState(steps, means[:size].numpy(), squares[:size].numpy()))
        self._critic.send("restore", AdamState(steps, means[size:].numpy(), squares[size:].numpy()))
        self._critic.receive()

    def close(self) -> None:
        self._critic.close()

    def _values(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        """Values `[T + 1, N]` of observations `[T + 1, N, obs_size]`, one minibatch size at a time."""
        rows, size = _float(obs.reshape(-1, obs.shape[-1])), minibatch_size(self._config)
        starts = range(0, len(rows), size)
        parts = [self._value_network.forward(rows[start : start + size])[0] for start in starts]
        return np.concatenate(parts).reshape(obs.shape[:2])

    def _epoch(self, batch: Batch, order: NDArray[np.int64], learning_rate: float) -> LearningStatistics:
        """One epoch of the actor, with the result of the critic's epoch, which was sent before."""
        config = self._config
        rows = batch.rows(order)
        advantages = minibatch_advantages(rows.advantages, config)
        actor = self._actor.epoch(
            _float(rows.obs), rows.actions, rows.old_log_probs, advantages, learning_rate
        )
        critic: CriticEpoch = self._critic.receive()
        terms = ppo_loss(
            *(torch.from_numpy(a) for a in (actor.log_probs, actor.entropies, critic.values)),
            old_log_probs=torch.from_numpy(rows.old_log_probs),
            old_values=torch.from_numpy(rows.old_values),
            advantages=torch.from_numpy(advantages),
            returns=torch.from_numpy(rows.returns),
            clip_range=config.clip_range,
            value_coef=config.value_coef,
            entropy_coef=config.entropy_coef,
            clip_value=config.clip_value,
        )
        norms = np.hypot(actor.norms, critic.norms)
        return LearningStatistics(*(float(term) for term in terms[1:]), grad_norm=float(norms.mean()))


def _float(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float32, copy=False)
