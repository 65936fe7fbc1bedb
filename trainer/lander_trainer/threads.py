"""How many threads compute, for as long as something runs.

Apart from its users because the number is part of a result: products and decompositions round
differently when they are cut into other parts.
"""

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Run with `count` threads in PyTorch and NumPy, and put the caller's numbers back afterwards."""
    with threadpool_limits(count, user_api="blas"), torch_threads(count):
        yield


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """The same in PyTorch alone; not around single steps, since to change the number takes a millisecond."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
