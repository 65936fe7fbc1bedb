"""`lander play`: a policy lands in the browser, and people fly beside it."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments import options as given
from lander_cli.arguments.numbers import integer
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_cli.terminal.console import print_json, print_rows, say
from lander_runtime.errors import UsageError

_Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", **integer(0), help="Seed of the first episode.",
        show_default="1000000",
    ),
]  # fmt: skip
_Out = Annotated[
    Path | None, typer.Option("--out", help="Write the page to this .html file instead of serving it.")
]
_NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")]


def play_command(
    policy: given.PolicyFile = None,
    seed: _Seed = None,
    out_file: _Out = None,
    no_open: _NoOpen = False,
    as_json: Annotated[bool, given.json_flag("lander.play/1")] = False,
) -> None:
    """Watch a LunarLander policy in the browser, and fly beside it.

    Serves one page on 127.0.0.1 until Ctrl-C, or writes it to a file that works from disk.
    """
    if no_open and out_file is not None:
        raise UsageError("--out writes a file and opens no browser. Leave out --no-open.")
    from lander_rl.watching.playing import PlayRequest, address_of, make_page, serving

    page = make_page(PlayRequest(policy=policy, seed=seed, out=out_file), say)
    if page.path is not None:
        _print(as_json, page=str(page.path), policy=str(page.policy))
        print_next_unless_waiting(policy, "lander", "eval", page.policy, "--episodes", "100")
        return
    with serving(page) as server:
        address = address_of(server)
        _print(as_json, address=address, policy=str(page.policy))
        opens = not no_open and _has_display()
        say(
            f"{'' if opens else 'Open the address in a browser. '}Ctrl-C stops it. The policy: {page.origin}."
        )
        print_next_unless_waiting(policy, "lander", "eval", page.policy, "--episodes", "100")
        if opens:
            webbrowser.open(address)
        server.serve_forever()


def _print(as_json: bool, **found: str) -> None:
    if as_json:
        print_json({"schema": "lander.play/1", **found})
    else:
        print_rows(list(found.items()))


def _has_display() -> bool:
    """Without one, a browser for terminals would take this one over."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
