"""Sets the number of threads for the length of a block.

A file of its own because the number is part of a result: matrix products and decompositions round differently
when another number of threads divides the work.
"""

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Run with `count` threads in PyTorch and NumPy; restore the caller's numbers afterwards."""
    with threadpool_limits(count, user_api="blas"), torch_threads(count):
        yield


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """The same in PyTorch only. Not for single steps: changing the number takes a millisecond."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
