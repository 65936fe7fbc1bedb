"""Hands out trials to workers, prunes them, and stores what they say in the study."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from lander_rl.searching.objectives import OBJECTIVES, value_of
from lander_rl.searching.space import SearchSpace
from lander_rl.searching.study import FINISHED, is_needless, say_alive
from lander_rl.several.pool import WorkerPool
from lander_rl.several.training_worker import Ended, Event, Failed, Mark, Note, Status, Task, Trained
from lander_rl.training.planning import planned_config
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.seeds import FIRST_SEARCH_SEED
from lander_runtime.text import counted
from lander_runtime.workers.remote import WorkerDied

FIRST_TRAINING_SEED = 101
"""Of a trial. `lander train --seeds` and benchmarks/seeds.py report 1 to 100, which no search has seen."""

PRUNE_AT = (25, 50, 75)
"""Percent of the first seed's run after which its training mean is compared with the other trials'."""

_ALIVE_SECONDS = 60.0

_ENDS = {TrialState.PRUNED: "pruned", TrialState.FAIL: "cut short"}

_MOST_DEATHS = 3
"""Workers that may end unexpectedly before the sweep gives up: one trial may need too much memory."""


@dataclass
class Running:
    """A trial that is being trained."""

    trial: optuna.Trial
    params: dict[str, Any]
    done: list[Trained] = field(default_factory=list)
    pruned: bool = False


@dataclass
class Trials:
    """The trials of one sweep; a `Scheduler`."""

    study: optuna.Study
    space: SearchSpace
    pool: WorkerPool
    objective: str
    threshold: float | None
    wanted: int
    """Trials in all, those of earlier calls included."""
    seeds: int
    episodes: int
    alone: Callable[[], AbstractContextManager[None]]
    """Keeps other processes from the study while a trial is taken, so that none is one too many."""
    say: Callable[[str], None]
    show: Callable[[dict[str, Status]], None]
    _at: dict[int, Running] = field(default_factory=dict)
    _status: dict[int, Status] = field(default_factory=dict)
    _said_alive: float = field(default_factory=time.monotonic)
    _deaths: int = 0

    def next_task(self, slot: int) -> Task | None:
        while slot not in self._at:
            with self.alone():
                taken = self.study.get_trials(deepcopy=False, states=(*FINISHED, TrialState.RUNNING))
                if len(taken) >= self.wanted:
                    return None
                self._ask(slot)
        running = self._at[slot]
        seed = FIRST_TRAINING_SEED + len(running.done)
        request = self.space.request(running.params)
        settings = {**self.pool.settings, **request.settings}
        return Task(
            request=replace(request, seed=seed, settings=settings),
            episodes=self.episodes,
            first_seed=FIRST_SEARCH_SEED,
            marks=() if running.done else PRUNE_AT,
        )

    def _ask(self, slot: int) -> None:
        """Put a new trial into `slot`; one whose settings do not go together ends at once."""
        trial = self.study.ask()
        if is_needless(self.study, trial, self.wanted):
            self.study.tell(trial, state=TrialState.FAIL)
            return
        say_alive(trial)
        params = self.space.suggest(trial)
        try:
            planned_config(self.space.request(params), lambda text: None)
        except UsageError as error:
            self._end(Running(trial, params, pruned=True), str(error))
        else:
            self._at[slot] = Running(trial, params)

    def on_status(self, slot: int, status: Status) -> None:
        self._status[slot] = status

    def on_event(self, slot: int, event: Event) -> bool:
        running = self._at[slot]
        if isinstance(event, Note):
            return False
        if isinstance(event, Mark):
            self._compare(running, event)
            return False
        if isinstance(event, Failed):
            if not isinstance(event.error, CheckFailed):
                raise event.error
            running.pruned = True
            self._end(running, str(event.error))
            del self._at[slot]
            return True
        assert isinstance(event, Ended)
        running.done.append(event.result)
        if running.pruned or event.result.interrupted or len(running.done) == self.seeds:
            self._end(running)
            del self._at[slot]
        return True

    def on_died(self, slot: int, error: WorkerDied) -> None:
        running = self._at.pop(slot)
        self._deaths += 1
        self.study.tell(running.trial, state=TrialState.FAIL)
        if self._deaths > _MOST_DEATHS:
            raise WorkerDied(f"{error} It is number {self._deaths}. Memory may be short: try fewer --jobs.")
        self.say(f"Trial {running.trial.number}: {error} It is trained once more.")
        self.study.enqueue_trial(running.params)

    def stops(self, slot: int) -> bool:
        return self._at[slot].pruned

    def rest(self) -> None:
        self.show({f"trial {self._at[slot].trial.number}": self._status[slot] for slot in self._at})
        if time.monotonic() - self._said_alive > _ALIVE_SECONDS:
            self._said_alive = time.monotonic()
            for running in self._at.values():
                say_alive(running.trial)

    def give_up(self) -> None:
        """Mark the trials that have not ended as cut short, so that the next sweep repeats them."""
        for running in self._at.values():
            with suppress(ValueError):
                self.study.tell(running.trial, state=TrialState.FAIL)
        self._at.clear()

    def _compare(self, running: Running, mark: Mark) -> None:
        # In a study that minimises, the pruner takes smaller values for better ones.
        sign = 1.0 if OBJECTIVES[self.objective][0] == "maximize" else -1.0
        if mark.mean_return is not None:
            running.trial.report(sign * mark.mean_return, mark.percent)
        running.pruned = running.pruned or running.trial.should_prune()

    def _end(self, running: Running, reason: str = "") -> None:
        trial, done = running.trial, running.done
        if running.pruned:
            if reason:
                trial.set_user_attr("reason", reason)
            frozen = self.study.tell(trial, state=TrialState.PRUNED)
        elif any(one.interrupted for one in done):
            frozen = self.study.tell(trial, state=TrialState.FAIL)
        else:
            for name, value in _attributes(done, self.threshold).items():
                trial.set_user_attr(name, value)
            frozen = self.study.tell(trial, value_of(self.objective, done, self.threshold))
        self._announce(frozen, reason)

    def _announce(self, trial: FrozenTrial, reason: str) -> None:
        result = f"{trial.value:,.1f}" if trial.value is not None else _ENDS[trial.state]
        why = f" ({reason})" if reason else ""
        finished = self.study.get_trials(deepcopy=False, states=FINISHED)
        completed = any(one.state == TrialState.COMPLETE for one in finished)
        best = f"{self.study.best_value:,.1f}" if completed else "none yet"
        took = f"; took {trial.duration.total_seconds():.0f} s" if trial.duration else ""
        seeds = f" ({counted(self.seeds, 'seed')}, scoring included)" if trial.value is not None else ""
        done = f"{counted(len(finished), 'trial')} done, {self.wanted} wanted"
        self.say(f"trial {trial.number}: {result}{why}, best {best}{took}{seeds}; {done}")


def _attributes(done: list[Trained], threshold: float | None) -> dict[str, Any]:
    """What a completed trial stores beside its value."""
    found: dict[str, Any] = {
        "scores": [round(float(one.returns.mean()), 2) for one in done],
        "lowest": min(float(one.returns.min()) for one in done),
        "seconds_to_threshold": [one.seconds_to_threshold for one in done],
        "seconds": float(np.mean([one.seconds for one in done])),
    }
    if threshold is not None:
        found["success"] = float(np.mean([np.mean(one.returns >= threshold) for one in done]))
    return found


def check_sweep(objective: str, threshold: float | None, env: str) -> None:
    """Refuse an objective that the environment does not have; raises `UsageError`."""
    if objective not in OBJECTIVES:
        raise UsageError(f"--objective {objective!r} is not known; choose from {', '.join(OBJECTIVES)}.")
    if objective != "score" and threshold is None:
        raise UsageError(f"{env} has no reward threshold, which --objective {objective} needs.")
