"""PyTorch's CPU threads, for as long as something runs.

Apart from its users because the number is part of a result: products and decompositions round
differently when they are cut into other parts.
"""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Run with `count` PyTorch threads and put the caller's number back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
