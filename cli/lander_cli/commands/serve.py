"""`lander serve`: policies as an HTTP service."""

from lander_cli.arguments import serving_options as given
from lander_cli.arguments.options import Device, Large
from lander_cli.terminal.console import print_rows, say


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
    run_serve(request, _show)


def _show(url: str, names: list[str]) -> None:
    print_rows([(name, f"{url}/v2/models/{name}") for name in names])
    say("Ctrl-C stops it; requests that have begun are still answered.")
