"""Hands out the trainings of several seeds to the workers, and collects how they end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lander_rl.several.display import TrainingsDisplay
from lander_rl.several.going_on import resumption
from lander_rl.several.pool import WorkerPool
from lander_rl.several.training_worker import Ended, Event, Failed, Note, Status, Task, Trained
from lander_rl.training.request import TrainRequest
from lander_runtime.errors import CheckFailed
from lander_runtime.files import atomic_write
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.workers.remote import WorkerDied

_NOT_YET = Status(0.0, 0, None, None)


@dataclass
class SeedScheduler:
    """Hands out one training a seed; a `Scheduler`."""

    train: TrainRequest
    """What every seed trains with."""
    episodes: int
    """Scored for each seed."""
    folders: dict[int, Path]
    """Of the runs, by seed."""
    begun: set[int]
    """Seeds whose run was begun before, and goes on."""
    pool: WorkerPool
    say: Callable[[str], None]
    shown: TrainingsDisplay | None
    ended: dict[int, Trained] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    _at: dict[int, int] = field(default_factory=dict)
    """The seed in each slot."""
    _status: dict[int, Status] = field(default_factory=dict)

    def next_task(self, slot: int) -> Task | None:
        seed = next((seed for seed in self.folders if seed not in self._status), None)
        if seed is None:
            return None
        self._at[slot], self._status[seed] = seed, _NOT_YET
        train = self.train
        settings = {**self.pool.settings, **train.settings}
        settings.pop("seed", None)
        folder = self.folders[seed]
        return Task(
            request=replace(train, seed=seed, settings=settings, out=folder),
            resume=resumption(train, folder, settings) if seed in self.begun else None,
            episodes=self.episodes,
            first_seed=FIRST_EVALUATION_SEED,
            files=self.pool.remote,
        )

    def on_status(self, slot: int, status: Status) -> None:
        self._status[self._at[slot]] = status

    def on_event(self, slot: int, event: Event) -> bool:
        seed = self._at[slot]
        if isinstance(event, Note):
            self.say(event.text)
        elif isinstance(event, Ended):
            for name, content in event.result.files.items():
                with atomic_write(self.folders[seed] / name) as temporary:
                    temporary.write_bytes(content)
            self.ended[seed] = event.result
        elif isinstance(event, Failed):
            if not isinstance(event.error, CheckFailed):
                raise event.error
            self.failed[seed] = str(event.error)
        return isinstance(event, Ended | Failed)

    def on_died(self, slot: int, error: WorkerDied) -> None:
        raise WorkerDied(
            f"Seed {self._at[slot]}: {error} Memory may be short; the other runs are saved. Try --jobs 1."
        ) from error

    def stops(self, slot: int) -> bool:
        return False

    def rest(self) -> None:
        if self.shown is not None:
            self.shown.show({f"seed {seed}": self._status.get(seed, _NOT_YET) for seed in self.folders})
