"""What the tests of the engines share."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest

from engine_helpers import Register
from lander_runtime import EnvSpec


@pytest.fixture
def importable() -> Iterator[Register]:
    """(class in worker_environments, arguments) -> its recipe, during this test."""
    ids: list[str] = []

    def one(name: str, **kwargs: Any) -> EnvSpec:
        env_id = f"{name}-v0"
        gymnasium.register(env_id, entry_point=f"worker_environments:{name}")
        ids.append(env_id)
        return EnvSpec(env_id, kwargs=kwargs)

    yield one
    for env_id in ids:
        del gymnasium.registry[env_id]
