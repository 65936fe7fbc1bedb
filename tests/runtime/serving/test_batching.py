"""What runs together, what waits, and what an error harms."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from lander_runtime import InputRefused, Policy
from lander_runtime.serving.batching import Batcher, Overloaded
from lander_runtime.spec import Space


class Gate:
    """A policy of 8 numbers whose runs wait for `opened`, and fail on observations that start with 13."""

    observation = Space("Box", (8,), "float32")

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.entered = threading.Event()

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        rows = np.asarray(obs)
        if len(rows) == MAX_BATCH and not rows.any():
            threading.Event().wait(0.01)  # Asked how long it takes: too long for the event loop.
        self.entered.set()
        self.opened.wait(10)
        if (rows[:, 0] == 13).any():
            raise InputRefused("13")
        return {"action": rows[:, 0].astype(np.int64)}


MAX_BATCH = 8


def rows(*numbers: int) -> NDArray[np.float32]:
    return np.repeat(np.float32(numbers)[:, None], 8, axis=1)


def batcher_of(policy: Any, max_waiting: int = 100) -> tuple[Batcher, list[int]]:
    sizes: list[int] = []
    return Batcher(policy, MAX_BATCH, max_waiting, sizes.append), sizes


async def while_closed(gate: Gate, batcher: Batcher, *asked: NDArray[Any]) -> list[Any]:
    """Ask for one, and for the others while it runs; then let all run."""
    gate.opened.clear()
    gate.entered.clear()
    first = asyncio.create_task(batcher.outputs(asked[0]))
    await asyncio.to_thread(gate.entered.wait, 10)
    others = [asyncio.create_task(batcher.outputs(obs)) for obs in asked[1:]]
    await asyncio.sleep(0)
    gate.opened.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_what_arrives_during_a_run_is_the_next_batch() -> None:
    gate = Gate()
    batcher, sizes = batcher_of(gate)

    answers = asyncio.run(while_closed(gate, batcher, rows(1), rows(2), rows(3, 4), rows(5)))

    assert sizes == [1, 4]
    assert [answer["action"].tolist() for answer in answers] == [[1], [2], [3, 4], [5]]
    assert batcher.waiting == 0
    batcher.close()


def test_no_batch_is_larger_than_allowed_and_none_is_split() -> None:
    gate = Gate()
    batcher, sizes = batcher_of(gate)

    answers = asyncio.run(while_closed(gate, batcher, rows(1), rows(*range(6)), rows(7, 8, 9), rows(10)))

    assert sizes == [1, 6, 4]
    assert answers[2]["action"].tolist() == [7, 8, 9]
    batcher.close()


def test_a_batch_that_fails_tells_its_callers_and_no_others() -> None:
    gate = Gate()
    batcher, _ = batcher_of(gate)

    answers = asyncio.run(while_closed(gate, batcher, rows(1), rows(13), rows(*range(8))))

    assert answers[0]["action"].tolist() == [1]
    assert isinstance(answers[1], InputRefused)
    assert answers[2]["action"].tolist() == list(range(8))
    batcher.close()


def test_beyond_the_limit_nothing_waits() -> None:
    gate = Gate()
    batcher, _ = batcher_of(gate, max_waiting=8)

    answers = asyncio.run(while_closed(gate, batcher, rows(1), rows(*range(6)), rows(7, 8, 9), rows(10)))

    assert isinstance(answers[2], Overloaded)
    assert answers[3]["action"].tolist() == [10]
    batcher.close()


def test_a_caller_that_has_gone_costs_no_run() -> None:
    gate = Gate()
    batcher, sizes = batcher_of(gate)

    async def leave() -> None:
        gate.opened.clear()
        gate.entered.clear()
        first = asyncio.create_task(batcher.outputs(rows(1)))
        await asyncio.to_thread(gate.entered.wait, 10)
        gone = asyncio.create_task(batcher.outputs(rows(2)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        await first
        assert (await batcher.outputs(rows(3)))["action"].tolist() == [3]

    asyncio.run(leave())

    assert sizes == [1, 1]
    assert batcher.waiting == 0
    batcher.close()


def test_an_answer_is_that_of_the_policy_alone(policy: Policy) -> None:
    batcher, sizes = batcher_of(policy)
    obs = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(batcher.outputs(one[None]) for one in obs))

    answers = asyncio.run(ask())

    assert [int(answer["action"][0]) for answer in answers] == policy.act(obs).tolist()
    assert sum(sizes) == 40
    assert max(sizes) == MAX_BATCH
    batcher.close()


@pytest.mark.parametrize("max_batch", [1, 3])
def test_a_single_request_runs_at_once(policy: Policy, max_batch: int) -> None:
    sizes: list[int] = []
    batcher = Batcher(policy, max_batch, max_batch, sizes.append)

    answer = asyncio.run(batcher.outputs(np.ones((1, 8), np.float32)))

    assert sizes == [1]
    assert answer["logits"].shape == (1, 4)
    batcher.close()
