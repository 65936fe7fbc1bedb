"""Environment variables that only some processes are to have: those started inside a block."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_variables(**variables: str) -> Iterator[None]:
    """Set `variables` inside the block; afterwards they are as before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
