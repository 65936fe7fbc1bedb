"""`serve`: opens the socket and answers until a signal ends it."""

import os
import socket
from collections.abc import Callable, Mapping

import uvicorn

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.policy.policy import Policy
from lander_runtime.serving.app import Limits, make_app

_GRACE_SECONDS = 10
"""How long requests that have begun may take to end after a signal."""

_MOST_CONNECTIONS = 2048
"""Beyond it the answer is 503, so that open files do not run out."""


def serve(
    policies: Mapping[str, Policy],
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    on_start: Callable[[str], None] = lambda url: None,
) -> None:
    """Answer requests until Ctrl-C or SIGTERM; those that have begun are still answered.

    The signal is sent again at the end, so that the caller's own handling of it follows.

    Args:
        policies: by the name in their addresses.
        host: the address to listen at; others than 127.0.0.1 can be reached from elsewhere, by anyone.
        port: 0 for any that is free.
        limits: what the server takes on.
        on_start: told the URL when the server begins to answer.

    Raises:
        MachineLacks: the port is taken or needs rights.
        UsageError: `host` is no address of this machine.
    """
    listening = _listen(host, port)
    with listening:
        where = f"[{host}]" if listening.family == socket.AF_INET6 else host
        url = f"http://{where}:{listening.getsockname()[1]}"
        failed: list[BaseException] = []

        def started() -> None:
            try:
                on_start(url)
            except BaseException as error:
                # Raised again below: uvicorn would make an exit code of its own of it.
                failed.append(error)
                server.should_exit = True

        app = make_app(policies, limits or Limits(), started)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
    if failed:
        raise failed[0]


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_MOST_CONNECTIONS)
    except socket.gaierror as error:
        raise UsageError(
            f"--host {host} is no address. Usual: 127.0.0.1, or 0.0.0.0 for all networks."
        ) from error
    except OSError as error:
        raise MachineLacks(
            f"Cannot listen at {host}, port {port} ({os.strerror(error.errno or 0)}). "
            "Take another port; --port 0 finds one that is free."
        ) from error
