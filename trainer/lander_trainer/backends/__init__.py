"""Backends step the environment copies. A new backend is one file here and one entry in `open_backend`.

base.py       the interface: N lanes, stepped together
gymnasium.py  Gymnasium's environments, in this process and in workers
envpool.py    envpool's environments, in C++ threads
lanes.py      some of Gymnasium's environments in one process, also a worker's
"""

import importlib.util

from lander_runtime import envs
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.workers.cores import available_cores
from lander_trainer.backends.base import Backend, RestorableBackend, StepResult

__all__ = [
    "Backend",
    "RestorableBackend",
    "StepResult",
    "choose_backend",
    "choose_workers",
    "open_backend",
]


def choose_backend(name: str, spec: EnvSpec, observation: Space, action: Space) -> str:
    """The backend that `name` (`auto`, `gymnasium` or `envpool`) means for `spec` on this machine.

    Args:
        name: the setting `backend`.
        spec: the environment.
        observation: its observation space in Gymnasium.
        action: its action space in Gymnasium.

    Raises:
        MachineLacks: `name` is `envpool`, and envpool is not installed.
        UsageError: `name` is `envpool`, and envpool cannot step this environment.
    """
    if name == "gymnasium":
        return name
    if importlib.util.find_spec("envpool") is None:
        if name == "envpool":
            raise MachineLacks(
                "envpool is not installed. Type: pip install 'lander-rl[fast]', or use --backend gymnasium."
            )
        return "gymnasium"
    from lander_trainer.backends.envpool import refusal

    reason = refusal(spec, observation, action)
    if reason is None:
        return "envpool"
    if name == "envpool":
        raise UsageError(f"{reason} Use --backend gymnasium.")
    return "gymnasium"


def choose_workers(count: int, backend: str, spec: EnvSpec, lanes: int) -> int:
    """Threads or processes that step the copies: at most one a lane; a `count` of 0 means one a core."""
    if backend == "gymnasium" and not envs.is_importable(spec):
        return 1
    return min(lanes, count or available_cores())


def open_backend(name: str, spec: EnvSpec, lanes: int, seed: int, workers: int) -> Backend:
    """Open `lanes` copies of `spec`, seeded from `seed`, on the backend `name`, which is not `auto`.

    `workers`, the number of threads or processes, changes the speed only.
    """
    if name == "envpool":
        from lander_trainer.backends.envpool import EnvpoolBackend

        return EnvpoolBackend(spec, lanes, seed, workers)
    from lander_trainer.backends.gymnasium import GymnasiumBackend

    return GymnasiumBackend(spec, lanes, seed, workers)
