"""An object's methods in a thread of this process."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class ThreadWorker:
    """A `remote.Worker` in a thread, for methods whose compiled code does not hold Python's lock."""

    def __init__(self, target: object) -> None:
        self._target = target
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._answers: deque[Future[Any]] = deque()

    def send(self, request: str, *arguments: Any) -> None:
        self._answers.append(self._thread.submit(getattr(self._target, request), *arguments))

    def receive(self) -> Any:
        return self._answers.popleft().result()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
