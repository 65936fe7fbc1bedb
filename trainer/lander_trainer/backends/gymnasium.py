"""Gymnasium's own environments: some lanes in this process, the others in worker processes."""

from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.remote import Remote
from lander_runtime.spec import EnvSpec
from lander_trainer.backends.base import StepResult
from lander_trainer.backends.lanes import History, Lanes, open_lanes


class GymnasiumBackend:
    """`lanes` copies in `workers` processes, this one among them; their number changes no result."""

    name = "gymnasium"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, workers: int = 1) -> None:
        self.lanes = lanes
        self._seed = seed
        bounds = [lanes * worker // workers for worker in range(workers + 1)]
        self._groups = [slice(*pair) for pair in pairwise(bounds)]
        sizes = [(group.start, group.stop - group.start) for group in self._groups]
        registered = envs.registered(spec.id)
        self._remote: list[Remote] = []
        with ExitStack() as opened:
            for size in sizes[1:]:
                self._remote.append(Remote(open_lanes, registered, spec, seed, *size))
                opened.callback(self._remote[-1].close)
            self._local = Lanes(spec, seed, *sizes[0])
            opened.callback(self._local.close)
            for remote in self._remote:
                remote.receive()
            self._opened = opened.pop_all()

    def reset(self) -> NDArray[Any]:
        return np.concatenate(self._everywhere("reset", [()] * len(self._groups)))

    def step(self, actions: NDArray[Any]) -> StepResult:
        if not self._remote:
            return self._local.step(actions)
        parts = self._everywhere("step", [(actions[group],) for group in self._groups])
        return StepResult(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def state(self) -> dict[str, NDArray[Any]]:
        history = History.join(self._everywhere("history", [()] * len(self._groups)))
        return {"seed": np.array(self._seed), **vars(history)}

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        history = History.read(state, self.lanes, self._local.action)
        parts = history.split([group.stop - group.start for group in self._groups])
        obs, ended = zip(*self._everywhere("restore", [(part,) for part in parts]), strict=True)
        return np.concatenate(obs), np.concatenate(ended)

    def close(self) -> None:
        self._opened.close()

    def _everywhere(self, request: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        """The answers of all groups in order, worked out at the same time."""
        for remote, its in zip(self._remote, arguments[1:], strict=True):
            remote.send(request, *its)
        here = getattr(self._local, request)(*arguments[0])
        return [here, *(remote.receive() for remote in self._remote)]
