"""A network of the user's own, by its name or as an object.

Only a person's word is followed: the name of a network in a file imports nothing.
"""

import sys
from pathlib import Path
from typing import Any

from lander_runtime.envs.imports import import_modules
from lander_runtime.errors import UsageError
from lander_runtime.text import quoted


def take_network(network: Any) -> str | None:
    """Make a network known to this process, and return the name under which a run stores it; None for None.

    Args:
        network: a `torch.nn.Module`, a class or function that makes one, or the name of such a one as
            `module:name`.

    Raises:
        MachineLacks: its module is not installed.
        UsageError: it is none of these, or its module's own code raises.
    """
    if network is None:
        return None
    from lander_trainer.networks.custom import give_network

    return give_network(_named(network) if isinstance(network, str) else network)


def check_network_is_wanted(given: Any, file: Path, stored: object) -> None:
    """Refuse a network that would do nothing.

    Args:
        given: the user's, or None.
        file: whose weights are used.
        stored: the name of a network of the user's own in it; None where it has none.

    Raises:
        UsageError: `given` is not None, and `stored` is.
    """
    if given is not None and stored is None:
        raise UsageError(f"{file} was not trained with a network of your own. Leave out --network.")


def network_options(network: Any) -> list[str]:
    """The option that names `network`, for a command to be pasted; none where it has no name to type."""
    return ["--network", network] if isinstance(network, str) else []


def _named(text: str) -> Any:
    module, colon, name = text.partition(":")
    if not (module and colon and name) or module.endswith(".py"):
        raise UsageError(f"--network takes MODULE:NAME, such as my_net:Network; found {quoted(text)}.")
    import_modules([module], "--network")
    found = getattr(sys.modules[module], name, None)
    if found is None:
        raise UsageError(f"--network {module}:{name}: {module} has nothing of that name.")
    return found
