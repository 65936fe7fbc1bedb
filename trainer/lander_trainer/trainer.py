"""The state of a run: what an update changes, and a checkpoint of all of it.

Apart from `training.py`, which decides when to save, to draw and to stop.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import CheckFailed, EnvironmentFailed, InputRefused
from lander_runtime.kernels import kernels_here, other_kernel
from lander_runtime.versions import installed_versions, platform_name, training_packages
from lander_trainer.backends import backend_versions
from lander_trainer.config import CHANGES_NO_RESULT
from lander_trainer.learners import (
    NotFinite,
    UpdateStatistics,
    check_finite,
    learner_versions,
    open_learner,
)
from lander_trainer.networks.build import build_network
from lander_trainer.observer import FirstRollout
from lander_trainer.plan import TrainingPlan
from lander_trainer.ppo.normaliser import Normaliser
from lander_trainer.ppo.rollout import Rollout
from lander_trainer.ppo.schedule import learning_rate, selection_is_due
from lander_trainer.resume import check_continues, open_environments
from lander_trainer.runs.checkpoint import Checkpoint, Progress, named_tensors, network_tensors
from lander_trainer.runs.metrics import UpdateMetrics
from lander_trainer.runs.run_directory import RunDirectory
from lander_trainer.selection import is_best, reaches, selection_score
from lander_trainer.start import begin
from lander_trainer.threads import torch_threads


class Trainer:
    """The state of a run between two updates."""

    def __init__(
        self,
        plan: TrainingPlan,
        run: RunDirectory,
        checkpoint: Checkpoint | None,
        closing: ExitStack,
    ) -> None:
        """Start, or continue from `checkpoint`; `closing` closes what was opened, also where this fails."""
        self.config = config = plan.config
        self.env = plan.env
        self.spaces = plan.observation, plan.action
        self.run = run
        self.progress = Progress()
        self.rng = np.random.default_rng(config.seed)
        beginning = begin(config, *self.spaces) if checkpoint is None else None
        network = build_network(*self.spaces, config) if beginning is None else beginning.network
        self.learner = open_learner(config, network)
        closing.callback(self.learner.close)
        if checkpoint is not None:
            self._restore(checkpoint)
        self.distribution = self.learner.network.distribution
        self.backend, self.collector, restored = open_environments(
            config, plan.shaped_env, self.rng, self.distribution, checkpoint, closing
        )
        self.collector.episodes = self.progress.episodes
        self.normaliser = Normaliser(config, self.spaces[0].shape)
        if beginning is not None:
            self.normaliser.start_from(beginning.statistics)
        if checkpoint is not None:
            self.normaliser.restore(checkpoint.arrays("normaliser"), lanes=restored)
            if not restored:
                self._mark_resumed()

    @property
    def done(self) -> float:
        """Share of the run that is done, in [0, 1]: of its updates or of its time limit, the larger one."""
        limit = self.config.time_limit
        by_time = 0.0 if limit is None else self.progress.seconds / limit
        return min(1.0, max(self.progress.updates / self.config.updates, by_time))

    def one_update(
        self, first: FirstRollout | None, on_selection_start: Callable[[int], None]
    ) -> UpdateMetrics:
        """Collect a rollout, learn from it, and select where that is due.

        Args:
            first: is told how far the rollout has come; None for every rollout but the first.
            on_selection_start: called before a selection with the number of its episodes.

        Raises:
            CheckFailed: a loss or gradient is no longer finite.
            EnvironmentFailed: the environment's own code raised, or returned what it does not promise.
        """
        collector, config, done = self.collector, self.config, self.done
        environment, inference = collector.environment_seconds, collector.inference_seconds
        started = time.perf_counter()
        rollout = self._collect(first)
        collected = time.perf_counter()
        rate = learning_rate(config, done, self.progress.updates)
        statistics = self._learn(rollout, rate)
        learned = time.perf_counter()
        steps = int(rollout.live.sum())
        self.progress = replace(
            self.progress,
            updates=self.progress.updates + 1,
            steps=self.progress.steps + steps,
            episodes=collector.episodes,
            seconds=self.progress.seconds + learned - started,
        )
        score = self._select(done, on_selection_start)
        # Without a selection no time is added: a time limit reached in between would end the run without its
        # last selection.
        ended = learned if score is None else time.perf_counter()
        self.progress = replace(self.progress, seconds=self.progress.seconds + ended - learned)
        if is_best(score, self.progress.best_score):
            self.progress = replace(self.progress, best_score=score)
        return UpdateMetrics(
            update=self.progress.updates,
            done=self.done,
            steps=self.progress.steps,
            seconds=self.progress.seconds,
            steps_per_second=steps / (learned - started),
            episodes=self.progress.episodes,
            mean_return=float(np.mean(collector.recent_returns)) if collector.recent_returns else None,
            selection_score=score,
            best_score=self.progress.best_score,
            **statistics.means._asdict(),
            explained_variance=statistics.explained_variance,
            learning_rate=statistics.learning_rate,
            epochs=statistics.epochs,
            environment_seconds=collector.environment_seconds - environment,
            inference_seconds=collector.inference_seconds - inference,
            update_seconds=learned - collected,
            selection_seconds=ended - learned,
        )

    def greedy(self, obs: NDArray[Any]) -> NDArray[Any]:
        """Greedy actions `[N, ...]` for raw observations `[N, *obs_shape]`."""
        return self.distribution.greedy(self._forward(obs)[0])

    def save(self, path: Path) -> None:
        """Write a checkpoint of everything into `path`."""
        # A power cut must not take rows that the checkpoint counts on.
        self.run.flush_metrics()
        observation, action = self.spaces
        lanes = self.backend.state()
        environments = (
            {
                **named_tensors("lanes", lanes),
                **named_tensors("collector", self.collector.state()),
            }
            if lanes is not None
            else {}
        )
        Checkpoint(
            env=self.env,
            observation=observation,
            action=action,
            config=self.config,
            progress=self.progress,
            versions={
                **installed_versions("lander-rl", *training_packages(self.env.id)),
                **backend_versions(self.backend.name),
                **learner_versions(self.config.learner),
                **kernels_here(),
            },
            platform=platform_name(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            tensors={
                **network_tensors(self.learner.network),
                **self.learner.state(),
                **named_tensors("normaliser", self.normaliser.state()),
                **environments,
            },
            rng=dict(self.rng.bit_generator.state),
        ).save(path)

    def _collect(self, first: FirstRollout | None) -> Rollout:
        # A second thread would wait busily between two steps, on a core that steps environments.
        with torch_threads(1):
            policy = self._forward if first is None else first.watched(self._forward)
            rollout = self.collector.collect(policy)
            _check_environment(rollout, self.env.id)
        if first is not None:
            first.end()
        return rollout

    def _forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """`Learner.forward`, for raw observations `[N, *obs_shape]`."""
        return self.learner.forward(self.normaliser.observations(obs))

    def _learn(self, rollout: Rollout, rate: float) -> UpdateStatistics:
        """Improve the weights on `rollout`, starting at learning rate `rate`."""
        try:
            statistics = self.learner.update(self.normaliser.normalised(rollout), rate, self.rng)
            # Only now: the update must see the observations as the policy saw them when it acted, or the
            # ratio of new to old probabilities would not start at 1.
            self.normaliser.learn(rollout)
            return statistics
        except NotFinite as error:
            raise CheckFailed(
                f"Update {self.progress.updates + 1}: no longer finite: {error}. {self.run.kept}"
                "Try a lower learning_rate, and look at the environment's rewards."
            ) from error

    def _select(self, done: float, on_selection_start: Callable[[int], None]) -> float | None:
        """The selection score, if one is due after the update that began at share `done`; else None."""
        config = self.config
        due = selection_is_due(done, self.done, config.selections)
        if not due or config.selection_episodes == 0:
            return None
        on_selection_start(config.selection_episodes)
        with torch_threads(1):
            score = self._selection_score(config.selection_backend)
            if config.selection_backend == "native" and reaches(score, config.target_score):
                # A target is a score by Gymnasium. So no score of the simulator can pass for one.
                score = self._selection_score("gymnasium")
        return score

    def _selection_score(self, backend: str) -> float:
        return selection_score(
            lambda obs: self._forward(obs)[0],
            self.distribution,
            self.env,
            self.config.selection_episodes,
            backend,
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state in `checkpoint`, except that of the environments."""
        check_continues(checkpoint, self.config, self.spaces, self.run.checkpoint)
        self.progress = checkpoint.progress
        speed = {name: getattr(self.config, name) for name in CHANGES_NO_RESULT}
        its = learner_versions(self.config.learner).items()
        same_learner = all(checkpoint.versions.get(name) == version for name, version in its)
        same_settings = replace(checkpoint.config, **speed) == self.config
        if not (same_settings and same_learner) or other_kernel(checkpoint.versions):
            self._mark_resumed()
        self.learner.network.load_state_dict(checkpoint.network().state_dict())
        self.learner.restore(checkpoint.tensors)
        try:
            self.rng.bit_generator.state = checkpoint.rng
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputRefused(
                f"{self.run.checkpoint}: the state of its random generator is missing or broken."
            ) from error

    def _mark_resumed(self) -> None:
        """Note that the run now differs from an uninterrupted one, if it continues at all."""
        if self.done < 1.0:
            self.progress = replace(self.progress, resumed=True)


def _check_environment(rollout: Rollout, env_id: str) -> None:
    """Refuse observations and rewards of which nothing can be learned.

    Raises:
        EnvironmentFailed: a NaN or an infinity. Gymnasium's backend finds it in the step in which it comes.
    """
    try:
        # Raw values, since clipping would turn infinities into numbers.
        check_finite(observations=rollout.obs, rewards=rollout.rewards)
    except NotFinite as error:
        raise EnvironmentFailed(
            f"{env_id} returned a NaN or an infinity in its {error}; nothing can be learned from it."
        ) from error
