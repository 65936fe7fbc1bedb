"""What the tests of Doom share: scenarios, the screen alone, and an environment that is closed again."""

import contextlib
from collections.abc import Iterator
from typing import Any

import gymnasium

from lander_runtime import EnvSpec, envs
from lander_runtime.spec import WrapperSpec

BASIC, CENTER, GATHERING = "VizdoomBasic-v1", "VizdoomDefendCenter-v1", "VizdoomHealthGatheringSupreme-v1"
SCENARIOS = [BASIC, CENTER, GATHERING]
SCREEN = (WrapperSpec("DictItemObservation", {"key": "screen"}),)
WAIT, SHOOT = 0, 1


@contextlib.contextmanager
def opened(spec: EnvSpec) -> Iterator[gymnasium.Env[Any, Any]]:
    env = envs.make(spec)
    try:
        yield env
    finally:
        env.close()
