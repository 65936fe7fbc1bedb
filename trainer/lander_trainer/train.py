"""The training loop: rollout, update, report, select, save. Public entry: `train`."""

import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from lander_runtime import envs
from lander_runtime.errors import CheckFailed, InputRefused, MachineLacks, UsageError
from lander_runtime.report import installed_versions
from lander_runtime.spec import EnvSpec, Space
from lander_trainer.backends import Backend, choose_backend, open_backend
from lander_trainer.checkpoint import (
    Checkpoint,
    Progress,
    build_network,
    network_tensors,
    optimizer_tensors,
)
from lander_trainer.config import TrainConfig
from lander_trainer.curve import draw_learning_curve
from lander_trainer.metrics import UpdateMetrics
from lander_trainer.rollout import Collector
from lander_trainer.run_directory import RunDirectory
from lander_trainer.selection import selection_score
from lander_trainer.threads import cpu_threads
from lander_trainer.update import UpdateStatistics, make_batch, update


class TrainObserver(Protocol):
    """Hears of a run as it goes."""

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        """Before the first step; `config` names the backend and device that really run."""
        ...

    def on_update(self, metrics: UpdateMetrics) -> None:
        """After every update."""
        ...


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run: Path
    progress: Progress
    interrupted: bool
    """`stop` asked for an end before the last update; the run can be resumed."""


def train(
    config: TrainConfig,
    run: RunDirectory,
    *,
    resume: bool = False,
    observer: TrainObserver | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainResult:
    """Train a policy and write everything about it into `run`.

    Args:
        config: the settings; with `resume` they must be those of the run, `steps` aside.
        run: where to write; an existing run with `resume`, an empty folder without.
        resume: go on from the run's checkpoint instead of starting afresh.
        observer: hears of every update.
        stop: asked after every update; True saves and ends the run.

    Raises:
        UsageError: the environment or a setting does not fit.
        MachineLacks: the backend or device is not there.
        CheckFailed: a loss or gradient is no longer finite; the checkpoint before it is kept.
    """
    with cpu_threads(config.threads):
        trainer = _Trainer(config, run, resume)
        try:
            return trainer.run_to_end(observer, stop)
        finally:
            trainer.backend.close()


def prepare(config: TrainConfig) -> TrainConfig:
    """Check that `config` can be trained on this machine and replace every `auto` by what it means here.

    Raises:
        UsageError: the environment is unknown, was replaced, or has spaces that do not fit.
        MachineLacks: the backend or the device is not there.
    """
    env = envs.resolve(config.env, config.env_kwargs)
    check_trainable(env)
    return replace(config, backend=choose_backend(config.backend, env), device=choose_device(config.device))


def check_trainable(env: EnvSpec) -> tuple[Space, Space]:
    """The spaces of `env`, where this trainer can learn in it.

    Raises:
        UsageError: the observations are not a vector or the actions not Discrete.
    """
    probe = envs.make(env)
    observation, action = envs.describe_spaces(probe)
    probe.close()
    if len(observation.shape) != 1:
        raise UsageError(
            f"{env.id} has observations of shape {list(observation.shape)}; this trainer takes vectors."
        )
    if action.type != "Discrete":
        raise UsageError(
            f"{env.id} has continuous actions; this trainer's policies choose among Discrete ones."
        )
    return observation, action


class _Trainer:
    """The state of a run between two updates."""

    def __init__(self, config: TrainConfig, run: RunDirectory, resume: bool) -> None:
        self.config = config = prepare(config)
        self.env = envs.resolve(config.env, config.env_kwargs)
        self.spaces = check_trainable(self.env)
        self.run = run
        self.progress = Progress()
        device = torch.device(self.config.device)
        self.network = build_network(*self.spaces, self.config).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, eps=config.adam_epsilon, fused=True
        )
        self.generator = torch.Generator(device).manual_seed(config.seed)
        if resume:
            self._restore(Checkpoint.load(run.checkpoint))
        # A resumed run starts new episodes, so it must not fly those of the run's start again.
        env_seed = int(np.random.SeedSequence([config.seed, self.progress.updates]).generate_state(1)[0] >> 1)
        self.backend: Backend = open_backend(self.config.backend, self.env, config.lanes, env_seed)
        self.collector = Collector(self.backend, self.network, config.rollout_steps, self.generator)
        self.collector.episodes = self.progress.episodes

    def run_to_end(self, observer: TrainObserver | None, stop: Callable[[], bool]) -> TrainResult:
        self.run.write_config(self.config)
        self.run.drop_metrics_after(self.progress.updates)
        if observer is not None:
            observer.on_start(self.config, self.run.path, self.progress)
        saved = time.perf_counter()
        interrupted = False
        while self.progress.updates < self.config.updates and not interrupted:
            metrics = self._one_update()
            self.run.append_metrics(metrics.to_json())
            if observer is not None:
                observer.on_update(metrics)
            interrupted = stop() and self.progress.updates < self.config.updates
            if time.perf_counter() - saved > self.config.checkpoint_seconds:
                self._save_state()
                saved = time.perf_counter()
        self._save_state()
        return TrainResult(self.run.path, self.progress, interrupted)

    def _one_update(self) -> UpdateMetrics:
        collector, number = self.collector, self.progress.updates
        environment, inference = collector.environment_seconds, collector.inference_seconds
        started = time.perf_counter()
        rollout = collector.collect()
        collected = time.perf_counter()
        batch = make_batch(rollout, self.network, self.config)
        statistics = update(self.network, self.optimizer, batch, self.config, number, self.generator)
        self._check_finite(statistics, number)
        learned = time.perf_counter()
        score = self._select(number)
        ended = time.perf_counter()
        steps = len(batch.actions)
        self.progress = replace(
            self.progress,
            updates=number + 1,
            steps=self.progress.steps + steps,
            episodes=collector.episodes,
            seconds=self.progress.seconds + ended - started,
        )
        # Saved once the progress is counted, so that the file says where its weights come from.
        if score is not None and _beats(score, self.progress.best_score):
            self.progress = replace(self.progress, best_score=score)
            self._save(self.run.best)
            # Together, so that a run resumed from the checkpoint knows what it has to beat.
            self._save(self.run.checkpoint)
        return UpdateMetrics(
            update=self.progress.updates,
            steps=self.progress.steps,
            seconds=self.progress.seconds,
            steps_per_second=steps / (learned - started),
            episodes=self.progress.episodes,
            mean_return=float(np.mean(collector.recent_returns)) if collector.recent_returns else None,
            selection_score=score,
            best_score=self.progress.best_score,
            **statistics._asdict(),
            environment_seconds=collector.environment_seconds - environment,
            inference_seconds=collector.inference_seconds - inference,
            update_seconds=learned - collected,
            selection_seconds=ended - learned,
        )

    def _select(self, number: int) -> float | None:
        """The selection score, where this update is one of those that select."""
        config = self.config
        due = (
            number + 1
        ) * config.selections // config.updates > number * config.selections // config.updates
        if not due or config.selection_episodes == 0:
            return None
        return selection_score(self.network, self.env, config.selection_episodes)

    def _check_finite(self, statistics: UpdateStatistics, number: int) -> None:
        broken = [
            n for n in ("policy_loss", "value_loss", "grad_norm") if not math.isfinite(getattr(statistics, n))
        ]
        if broken:
            kept = self.run.checkpoint.is_file()
            raise CheckFailed(
                f"Update {number + 1}: {', '.join(broken)} is no longer finite. "
                + (f"The checkpoint in {self.run.path} is older and sound. " if kept else "")
                + "Try a lower learning_rate, and look at the environment's rewards."
            )

    def _save_state(self) -> None:
        """Checkpoint and learning curve as they are now."""
        self._save(self.run.checkpoint)
        draw_learning_curve(
            self.run.read_metrics(),
            self.run.curve,
            title=f"{self.env.id}, seed {self.config.seed}",
            reward_threshold=self.env.reward_threshold,
        )

    def _save(self, path: Path) -> None:
        observation, action = self.spaces
        Checkpoint(
            env=self.env,
            observation=observation,
            action=action,
            config=self.config,
            progress=self.progress,
            versions=installed_versions(
                "lander-rl", "torch", "gymnasium", "box2d", "numpy", self.backend.name
            ),
            platform=f"{platform.system()} {platform.machine()}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            tensors={
                **network_tensors(self.network),
                **optimizer_tensors(self.optimizer),
                "random.torch": self.generator.get_state(),
            },
        ).save(path)

    def _restore(self, checkpoint: Checkpoint) -> None:
        free = {name: getattr(self.config, name) for name in ("steps", "backend", "device", "threads")}
        if replace(checkpoint.config, **free) != self.config:
            raise UsageError(
                "A run goes on with the settings it was started with; only steps and machine may change."
            )
        if "random.torch" not in checkpoint.tensors:
            raise InputRefused(f"{self.run.checkpoint}: the state of its random generator is missing.")
        self.progress = checkpoint.progress
        if self.progress.updates < self.config.updates:
            self.progress = replace(self.progress, resumed=True)
        self.network.load_state_dict(checkpoint.network().state_dict())
        checkpoint.restore_optimizer(self.optimizer)
        # A generator's state means nothing on another device; there the run goes on with a fresh one.
        if checkpoint.config.device == self.config.device:
            self.generator.set_state(checkpoint.tensors["random.torch"])


def _beats(score: float | None, best: float | None) -> bool:
    return score is not None and (best is None or score > best)


def choose_device(name: str) -> str:
    """The device that `name` (`auto`, `cpu` or `cuda`) means on this machine.

    Raises:
        MachineLacks: `cuda` was asked for and PyTorch does not have it.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise MachineLacks(
            "PyTorch finds no CUDA device. Install a CUDA build of torch, or use --device cpu."
        )
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
