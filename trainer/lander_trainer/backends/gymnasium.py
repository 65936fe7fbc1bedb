"""Gymnasium's own environments: some lanes in this process, the others in worker processes.

Environments with an engine process of their own, such as Doom's, are all in worker processes, if there are
two or more. Each worker stays on one core together with its engines: worker and engine take turns, and
otherwise the system would wake each on any idle core. With 16 Doom engines on 2 cores, steps then take two
thirds of the time.
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
    """`lanes` copies in `workers` processes; the number of workers changes no result."""

    name = "gymnasium"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, workers: int = 1) -> None:
        self.lanes = lanes
        self._seed = seed
        bounds = [lanes * worker // workers for worker in range(workers + 1)]
        self._shares = [slice(*pair) for pair in pairwise(bounds)]
        firsts_and_counts = [(share.start, share.stop - share.start) for share in self._shares]
        registration = envs.Registration.of(spec.id)
        family = family_of(spec.id)
        engines = workers > 1 and family is not None and family.engines
        in_this_process = 0 if engines else 1
        self._remote: list[RemoteWorker] = []
        with ExitStack() as opened:
            for worker, lanes_of in enumerate(firsts_and_counts[in_this_process:]):
                core = core_for(worker) if engines else None
                self._remote.append(RemoteWorker(open_lanes, registration, spec, seed, *lanes_of, core))
                opened.callback(self._remote[-1].close)
            self._groups: list[Worker] = [*self._remote]
            if in_this_process:
                local = Lanes(spec, seed, *firsts_and_counts[0])
                opened.callback(local.close)
                self._groups.insert(0, LocalWorker(local))
            for remote in self._remote:
                remote.receive()
            self._opened = opened.pop_all()

    def reset(self) -> NDArray[Any]:
        parts = self._call_all("reset")
        self._make_room_for(parts)
        return np.concatenate(parts)

    def step(self, actions: NDArray[Any]) -> StepResult:
        parts = self._call_all("step", [actions[share] for share in self._shares])
        if len(parts) == 1:
            return parts[0]
        return StepResult(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def state(self) -> dict[str, NDArray[Any]]:
        history = ActionHistory.join(self._call_all("history"))
        return {"seed": np.array(self._seed), **vars(history)}

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        history = ActionHistory.read(state, self.lanes, self._call_all("action_space")[0])
        parts = history.split([share.stop - share.start for share in self._shares])
        obs, ended = zip(*self._call_all("restore", parts), strict=True)
        self._make_room_for(obs)
        return np.concatenate(obs), np.concatenate(ended)

    def close(self) -> None:
        self._opened.close()

    def _make_room_for(self, obs: Sequence[NDArray[Any]]) -> None:
        """Make the workers' pipes large enough for observations like these, one array for each group."""
        for remote, group_obs in zip(self._remote, obs[-len(self._remote) :], strict=False):
            # 4096 more for rewards and ends, which a step returns too.
            remote.expect(group_obs.nbytes + 4096)

    def _call_all(self, method: str, arguments: Sequence[Any] | None = None) -> list[Any]:
        """Call `method` in all groups at the same time, each with its own argument; results in order."""
        each = [()] * len(self._groups) if arguments is None else [(argument,) for argument in arguments]
        # The first group last: it may be in this process, where `send` does the work before it returns.
        for group, its_arguments in reversed([*zip(self._groups, each, strict=True)]):
            group.send(method, *its_arguments)
        return [group.receive() for group in self._groups]
