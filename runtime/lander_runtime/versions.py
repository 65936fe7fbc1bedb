"""The packages whose version can change results, and the installed versions.

One list for reports, replays, checkpoints and the check of a cluster's machines.
"""

import platform
from importlib.metadata import PackageNotFoundError, version

from lander_runtime.envs.known import family_of

_ENVIRONMENT = ("gymnasium", "box2d", "numpy")


def environment_packages(env_id: str) -> tuple[str, ...]:
    """Packages that decide the rewards in `env_id` for given actions."""
    family = family_of(env_id)
    return _ENVIRONMENT if family is None else (*_ENVIRONMENT, family.distribution)


def replay_packages(env_id: str) -> tuple[str, ...]:
    """Packages that decide whether recorded actions give the recorded rewards in `env_id`."""
    return ("lander-rl", *environment_packages(env_id))


def evaluation_packages(env_id: str) -> tuple[str, ...]:
    """Packages that decide the returns of a policy file in `env_id`."""
    return ("lander-rl", "onnxruntime", *environment_packages(env_id))


def training_packages(env_id: str) -> tuple[str, ...]:
    """Packages that decide whether a resumed training gives the weights of an uninterrupted one."""
    return ("torch", *environment_packages(env_id))


def installed_versions(*distributions: str) -> dict[str, str]:
    """Versions of Python and of the `distributions` that are installed; `NAME-gpu` counts as `NAME`."""
    found = {"python": platform.python_version()}
    for name in distributions:
        for candidate in (name, f"{name}-gpu"):
            try:
                found[name] = version(candidate)
                break
            except PackageNotFoundError:
                continue
    return found


def platform_name() -> str:
    """Operating system and processor family, such as `Linux x86_64`."""
    return f"{platform.system()} {platform.machine()}"
