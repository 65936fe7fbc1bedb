"""`Batcher`: requests that wait for the same policy run as one batch.

While a batch runs, others arrive; they are the next batch. There is no timer to wait for: one request alone
runs at once, and under load batches grow by themselves.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.policy.policy import Policy

Outputs = dict[str, NDArray[Any]]

_QUICK_SECONDS = 0.002
"""A policy whose largest batch takes less runs in the event loop: to wake a thread takes longer than its
usual batch, up to a millisecond on a busy machine."""


class Overloaded(Exception):
    """Too many observations wait already."""


@dataclass(frozen=True)
class _Waiting:
    obs: NDArray[Any]
    answer: "asyncio.Future[Outputs]"


class Batcher:
    """Runs one policy for many callers of one event loop."""

    def __init__(
        self, policy: Policy, max_batch: int, max_waiting: int, on_batch: Callable[[int], None]
    ) -> None:
        """A batcher; the policy runs once, to see how long its largest batch takes.

        Args:
            policy: already checked; it runs one batch at a time.
            max_batch: observations in one batch, and in one request.
            max_waiting: observations that may wait; at least `max_batch`.
            on_batch: told the observations of every batch.
        """
        self._policy = policy
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._on_batch = on_batch
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._thread = None if _is_quick(policy, max_batch) else ThreadPoolExecutor(1)

    @property
    def waiting(self) -> int:
        """Observations that wait for their batch."""
        return self._waiting

    async def outputs(self, obs: NDArray[Any]) -> Outputs:
        """The policy's outputs for `obs` `[batch, *obs_shape]`, which has been checked.

        Raises:
            Overloaded: more than `max_waiting` observations would wait.
            LanderError: the policy fails on the batch that held them.
        """
        if self._waiting + len(obs) > self._max_waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        asked = _Waiting(obs, loop.create_future())
        self._queue.append(asked)
        self._waiting += len(obs)
        if self._task is None:
            self._task = loop.create_task(self._run())
        return await asked.answer

    def close(self) -> None:
        """End the thread, if there is one, after the batch that runs."""
        if self._thread is not None:
            self._thread.shutdown()

    async def _run(self) -> None:
        while self._queue:
            asked = self._next_batch()
            if not asked:
                continue
            try:
                obs = asked[0].obs if len(asked) == 1 else np.concatenate([one.obs for one in asked])
                self._on_batch(len(obs))
                outputs = await self._outputs(obs)
            except Exception as error:
                # Each caller is told; the next batch may still be good.
                for one in asked:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                continue
            _hand_out(asked, outputs)
        self._task = None

    async def _outputs(self, obs: NDArray[Any]) -> Outputs:
        if self._thread is None:
            return self._policy.outputs(obs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._policy.outputs, obs)

    def _next_batch(self) -> list[_Waiting]:
        """The first that wait, as many as fit; those whose callers have gone are left out."""
        asked: list[_Waiting] = []
        rows = 0
        while self._queue and rows + len(self._queue[0].obs) <= self._max_batch:
            one = self._queue.popleft()
            self._waiting -= len(one.obs)
            if not one.answer.done():
                asked.append(one)
                rows += len(one.obs)
        return asked


def _is_quick(policy: Policy, max_batch: int) -> bool:
    obs = np.zeros((max_batch, *policy.observation.shape), policy.observation.dtype)
    policy.outputs(obs)
    start = time.perf_counter()
    policy.outputs(obs)
    return time.perf_counter() - start < _QUICK_SECONDS


def _hand_out(asked: list[_Waiting], outputs: Outputs) -> None:
    start = 0
    for one in asked:
        end = start + len(one.obs)
        if not one.answer.done():
            one.answer.set_result({name: values[start:end] for name, values in outputs.items()})
        start = end
