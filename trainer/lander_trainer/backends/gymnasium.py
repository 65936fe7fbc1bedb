"""Gymnasium's own environments: some lanes in this process, the others in worker processes.

Environments whose engine is a program of its own are all in worker processes, if there are several, each of
which stays on one core together with its engines: who asks and who answers take turns, and the system would
else wake each of them on whatever core is idle. With 16 of Doom's engines on 2 cores, steps take two thirds
of the time.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.envs.known import family_of
from lander_runtime.spec import EnvSpec
from lander_runtime.workers.cores import core_for
from lander_runtime.workers.remote import LocalWorker, RemoteWorker, Worker
from lander_trainer.backends.base import StepResult
from lander_trainer.backends.lanes import ActionHistory, Lanes, open_lanes


class GymnasiumBackend:
    """`lanes` copies in `workers` processes; their number changes no result."""

    name = "gymnasium"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, workers: int = 1) -> None:
        self.lanes = lanes
        self._seed = seed
        bounds = [lanes * worker // workers for worker in range(workers + 1)]
        self._shares = [slice(*pair) for pair in pairwise(bounds)]
        sizes = [(share.start, share.stop - share.start) for share in self._shares]
        registered = envs.registered(spec.id)
        family = family_of(spec.id)
        engines = workers > 1 and family is not None and family.engines
        here = 0 if engines else 1
        self._remote: list[RemoteWorker] = []
        with ExitStack() as opened:
            for worker, size in enumerate(sizes[here:]):
                core = core_for(worker) if engines else None
                self._remote.append(RemoteWorker(open_lanes, registered, spec, seed, *size, core))
                opened.callback(self._remote[-1].close)
            self._groups: list[Worker] = [*self._remote]
            if here:
                local = Lanes(spec, seed, *sizes[0])
                opened.callback(local.close)
                self._groups.insert(0, LocalWorker(local))
            for remote in self._remote:
                remote.receive()
            self._opened = opened.pop_all()

    def reset(self) -> NDArray[Any]:
        parts = self._everywhere("reset")
        self._expect(parts)
        return np.concatenate(parts)

    def step(self, actions: NDArray[Any]) -> StepResult:
        parts = self._everywhere("step", [actions[share] for share in self._shares])
        if len(parts) == 1:
            return parts[0]
        return StepResult(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def state(self) -> dict[str, NDArray[Any]]:
        history = ActionHistory.join(self._everywhere("history"))
        return {"seed": np.array(self._seed), **vars(history)}

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        history = ActionHistory.read(state, self.lanes, self._everywhere("action_space")[0])
        parts = history.split([share.stop - share.start for share in self._shares])
        obs, ended = zip(*self._everywhere("restore", parts), strict=True)
        self._expect(obs)
        return np.concatenate(obs), np.concatenate(ended)

    def close(self) -> None:
        self._opened.close()

    def _expect(self, obs: Sequence[NDArray[Any]]) -> None:
        """Make room for observations like these, of all groups; the answer to a step has a little beside."""
        for remote, its in zip(self._remote, obs[-len(self._remote) :], strict=False):
            remote.expect(its.nbytes + 4096)

    def _everywhere(self, request: str, arguments: Sequence[Any] | None = None) -> list[Any]:
        """The answers of all groups in order, each to an argument of its own, worked out at the same time."""
        each = [()] * len(self._groups) if arguments is None else [(argument,) for argument in arguments]
        # The first one last: it may be in this process, and answers before it returns.
        for group, its in reversed([*zip(self._groups, each, strict=True)]):
            group.send(request, *its)
        return [group.receive() for group in self._groups]
