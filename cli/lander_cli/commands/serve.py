"""`lander serve`: policies as an HTTP service."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lander_cli.arguments import serving_options as given
from lander_cli.arguments.options import Device, Large
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_cli.terminal.console import print_rows, say

if TYPE_CHECKING:
    from lander_runtime.policy.policy import Policy


def serve_command(
    policies: given.ServedPolicies = None,
    host: given.Host = "127.0.0.1",
    port: given.Port = 8000,
    device: Device = "auto",
    large: Large = False,
    max_batch: given.MaxBatch = 1024,
    max_waiting: given.MaxWaiting = 4096,
) -> None:
    """Answer requests for actions over HTTP, by the Open Inference Protocol (version 2)."""
    from lander_rl.serving import ServeRequest, run_serve

    request = ServeRequest(
        policies=tuple(policies or ()),
        host=host,
        port=port,
        device=device,
        large=large,
        max_batch=max_batch,
        max_waiting=max_waiting,
    )
    run_serve(request, partial(_show, request.policies))


def _show(named: tuple[Path, ...], url: str, policies: "dict[str, Policy]") -> None:
    from lander_rl.serving import asking_command

    addresses = {name: f"{url}/v2/models/{name}" for name in policies}
    print_rows(list(addresses.items()))
    say("Ctrl-C stops it; requests that have begun are still answered. Ask it from another terminal.")
    name, policy = next(iter(policies.items()))
    print_next_unless_waiting(named[0] if named else None, *asking_command(addresses[name], policy))
