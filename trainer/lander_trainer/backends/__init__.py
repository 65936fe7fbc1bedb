"""Backends step the environment copies. A new backend is one file here and one entry in `open_backend`.

base.py       the interface: N lanes, stepped together
gymnasium.py  Gymnasium's environments, in this process and in workers
envpool.py    envpool's environments, in C++ threads
native.py     LunarLander in lander_simulator, in vectors of lanes
levels.py     which seeds native's episodes begin from, where failures are to come again
stored.py     arrays of a checkpoint's state, checked
lanes.py      some of Gymnasium's environments in one process, also a worker's
"""

import importlib.util

from lander_runtime import envs
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.versions import installed_versions
from lander_runtime.workers.cores import available_cores
from lander_simulator import why_unavailable
from lander_simulator.library import sources_digest
from lander_trainer.backends.base import Backend, RestorableBackend, StepResult

__all__ = [
    "Backend",
    "RestorableBackend",
    "StepResult",
    "backend_versions",
    "choose_backend",
    "choose_workers",
    "fits_native",
    "open_backend",
    "takes_native",
]


def choose_backend(name: str, spec: EnvSpec, observation: Space, action: Space) -> str:
    """The backend that `name` (`auto`, `gymnasium`, `envpool` or `native`) means for `spec` on this machine.

    Args:
        name: the setting `backend`.
        spec: the environment.
        observation: its observation space in Gymnasium.
        action: its action space in Gymnasium.

    Raises:
        MachineLacks: `name` is `envpool` and envpool is not installed, or it is `native` and the simulator is
            not compiled.
        UsageError: `name` is `envpool` or `native`, which cannot step this environment.
    """
    if name == "gymnasium":
        return name
    if name == "native":
        _check_native(spec)
        return name
    if name == "auto" and takes_native(spec):
        return "native"
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


def takes_native(spec: EnvSpec) -> bool:
    """Whether `auto` takes the simulator for `spec` on this machine."""
    return fits_native(spec) and why_unavailable() is None


def fits_native(spec: EnvSpec) -> bool:
    """Whether the simulator has `spec`, compiled on this machine or not."""
    from lander_trainer.backends.native import refusal

    return refusal(spec) is None


def _check_native(spec: EnvSpec) -> None:
    from lander_trainer.backends.native import refusal

    # The environment first: compiling would not help where it does not fit.
    reason = refusal(spec)
    if reason is not None:
        raise UsageError(f"{reason} Use --backend gymnasium.")
    missing = why_unavailable()
    if missing is not None:
        raise MachineLacks(f"--backend native: {missing}. Or use --backend gymnasium.")


def choose_workers(count: int, backend: str, spec: EnvSpec, lanes: int) -> int:
    """Threads or processes that step the copies: at most one a lane; a `count` of 0 means one a core.

    With `native` 0 means one: its steps are so short that a second thread has not been seen to pay.
    """
    if backend == "native":
        from lander_trainer.backends.native import MOST_THREADS

        return min(lanes, count or 1, MOST_THREADS)
    if backend == "gymnasium" and not envs.is_importable(spec):
        return 1
    return min(lanes, count or available_cores())


def open_backend(
    name: str, spec: EnvSpec, lanes: int, seed: int, workers: int, level_replay: float = 0.0
) -> Backend:
    """Open `lanes` copies of `spec`, seeded from `seed`, on the backend `name`, which is not `auto`.

    `workers`, the number of threads or processes, changes the speed only. `level_replay` is the setting,
    which native alone has.
    """
    if name == "envpool":
        from lander_trainer.backends.envpool import EnvpoolBackend

        return EnvpoolBackend(spec, lanes, seed, workers)
    if name == "native":
        from lander_trainer.backends.native import NativeBackend

        return NativeBackend(spec, lanes, seed, workers, level_replay)
    from lander_trainer.backends.gymnasium import GymnasiumBackend

    return GymnasiumBackend(spec, lanes, seed, workers)


def backend_versions(name: str) -> dict[str, str]:
    """What decides the episodes of the backend `name`, beside `versions.training_packages`.

    envpool's version, or a digest of the simulator's sources; nothing more for Gymnasium.
    """
    if name == "native":
        return {"lander-simulator": sources_digest()}
    if name == "envpool":
        return {key: value for key, value in installed_versions("envpool").items() if key == "envpool"}
    return {}
