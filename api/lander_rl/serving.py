"""`serve`: policies as an HTTP service, as `lander serve` offers them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.inputs.filenames import Filename
from lander_rl.inputs.finding import find_policy
from lander_rl.wording import names_arguments
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_runtime.policy.policy import Policy

_MOST_NUMBERS = 64
"""Of an observation in a command that is shown."""


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """The arguments of `serve`."""

    policies: tuple[Path, ...] = ()
    """Policy files, or folders with policies; the newest run's policy, else the one that ships."""

    host: str = "127.0.0.1"
    """The address to listen at; others than 127.0.0.1 can be reached from elsewhere, by anyone."""

    port: int = 8000
    """0 for any that is free."""

    device: str = "auto"
    """`auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back."""

    large: bool = False
    """Open files of 64 to 512 MB too, and graphs that take more memory and work than is usual."""

    max_batch: int = 1024
    """Observations in one request, and in one run of a policy."""

    max_waiting: int = 4096
    """Observations that may wait for one policy; beyond it the answer is 503."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port {self.port} is none; ports are numbers from 0 to 65535.")
        if not 1 <= self.max_batch <= self.max_waiting:
            raise UsageError(
                f"--max-batch {self.max_batch} should be from 1 to --max-waiting, {self.max_waiting}."
            )


@names_arguments
def serve(
    *policies: Filename,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: str = "auto",
    large: bool = False,
    max_batch: int = 1024,
    max_waiting: int = 4096,
) -> None:
    """Answer requests by the Open Inference Protocol, version 2, until Ctrl-C or SIGTERM.

    Args:
        policies: files made by `export`, or folders with such files; by default the newest run's policy,
            else the one that ships.
        host: the address to listen at; others than 127.0.0.1 can be reached from elsewhere, by anyone.
        port: 0 for any that is free.
        device: `auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back.
        large: open files of 64 to 512 MB too, and graphs that take more memory and work than is usual.
        max_batch: observations in one request, and in one run of a policy.
        max_waiting: observations that may wait for one policy; beyond it the answer is 503.

    Raises:
        InputRefused: there is no such file, or it is corrupt, hostile or not from `export`.
        MachineLacks: `cuda` does not run here, the port is taken, or the extra `serve` is not installed.
        UsageError: two policies have one name, or an argument is out of range.
    """
    from lander_rl.training.progress import open_talk

    say, _ = open_talk(progress=True)
    run_serve(
        ServeRequest(
            policies=tuple(map(Path, policies)),
            host=host,
            port=port,
            device=device,
            large=large,
            max_batch=max_batch,
            max_waiting=max_waiting,
        ),
        lambda url, names: say(f"Serving {', '.join(names)} at {url}"),
    )


def run_serve(request: ServeRequest, on_start: "Callable[[str, dict[str, Policy]], None]") -> None:
    """`serve` for the command.

    Args:
        request: what to serve, and where.
        on_start: told the URL and the policies by name when the server begins to answer.
    """
    from lander_runtime.policy.policy import Policy
    from lander_runtime.serving.app import Limits
    from lander_runtime.serving.naming import named_policies
    from lander_runtime.serving.server import serve as run

    # A folder may hold several; what is not there is found, or refused, as everywhere.
    named = [path if path.exists() else find_policy(path)[0] for path in request.policies]
    paths = named_policies(named or [find_policy(None)[0]])
    policies = {name: Policy.load(path, request.device, large=request.large) for name, path in paths.items()}
    limits = Limits(request.max_batch, request.max_waiting)
    run(policies, request.host, request.port, limits, lambda url: on_start(url, policies))


def asking_command(address: str, policy: "Policy") -> list[str]:
    """The words of a command that asks for an action, or for names and shapes where that is too long to read.

    Args:
        address: of the policy: `http://HOST:PORT/v2/models/NAME`.
        policy: which is there.
    """
    from lander_runtime.serving.protocol import example_request

    if math.prod(policy.observation.shape) > _MOST_NUMBERS:
        return ["curl", address]
    return ["curl", f"{address}/infer", "-d", json.dumps(example_request(policy))]
