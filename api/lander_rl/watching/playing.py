"""`play`: LunarLander in the browser with a policy in it, as one page that works from disk.

The page is built by `make browser` (examples/browser/). Here the policy in it is exchanged.
"""

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.finding import find_policy
from lander_rl.outputs.checks import check_all_writable
from lander_rl.wording import names_arguments
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.files import write_text
from lander_runtime.text import aligned, shortened

_HERE = Path(__file__).resolve().parents[1]
_BUILT = "lander.html"

_PLAYABLE = ("LunarLander-v3", "LunarLanderContinuous-v3")

_LARGEST_FILE = 2**24
"""Bytes. The page reads no larger file."""

LARGEST_SEED = 2**53 - 1
"""Up to here JavaScript counts exactly."""


@dataclass(frozen=True, kw_only=True)
class PlayRequest:
    """What to play.

    Raises:
        UsageError: the seed cannot be, or `out` is no page.
    """

    policy: Path | None = None
    """A file, or a folder with one; the newest run's where there is none, else the one that ships."""

    seed: int | None = None
    """Of the first episode, from 0 to 2^53 - 1; None: 1,000,000, as in an evaluation."""

    out: Path | None = None
    """An .html file to write; None to serve the page instead."""

    def __post_init__(self) -> None:
        seed = self.seed
        if seed is not None and (isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED):
            raise UsageError(f"--seed should be a whole number from 0 to {LARGEST_SEED}, found {seed!r}.")
        if self.out is not None and self.out.suffix.lower() != ".html":
            raise UsageError(f"--out {self.out} should be a file whose name ends in .html.")


@dataclass(frozen=True, repr=False)
class Page:
    """A page with a policy in it."""

    html: str
    policy: Path
    origin: str
    """Why this policy was taken, in a few words."""
    path: Path | None = None
    """Where it was written; None where it was not."""

    def __repr__(self) -> str:
        where = "in memory" if self.path is None else str(self.path)
        return aligned([("page", where), ("policy", f"{self.policy} ({self.origin})")])


@names_arguments
def play(
    policy: Filename | None = None,
    out: Filename = "lander.html",
    *,
    seed: int | None = None,
) -> Page:
    """Write a page on which a policy lands in the browser, and on which people can fly themselves.

    The page is one file that needs no network. To serve it instead: `lander play`.

    Args:
        policy: a file, or a folder with one; by default the newest run's, else the one that ships.
        out: the .html file.
        seed: of the first episode, from 0 to 2^53 - 1; 1,000,000 by default.

    Raises:
        InputRefused: the policy's file is missing, corrupt or hostile, or does not act in LunarLander.
        CheckFailed: it fails its golden vectors.
        MachineLacks: the page is not part of this installation; in a checkout, `make browser` builds it.
        UsageError: `seed` cannot be, or `out` is no .html file that can be written.
    """
    return make_page(PlayRequest(policy=path_of(policy), seed=seed, out=Path(out)))


def make_page(request: PlayRequest, say: Callable[[str], None] = lambda text: None) -> Page:
    """The page that `request` asks for, written if it names a file; raises what `play` raises.

    `say` prints a line for the user.
    """
    template = _template()
    check_all_writable(request.out, say=say)
    path, origin = find_policy(request.policy)
    content = _playable(path)
    # The name alone: a page that is sent to others does not tell them about folders of this disk.
    settings = json.dumps({"name": path.name, "seed": request.seed})
    html = _with_block(template, "policy", base64.b64encode(content).decode())
    # In a page "<" could end the block that the text stands in.
    html = _with_block(html, "settings", settings.replace("<", "\\u003c"))
    if request.out is not None:
        write_text(request.out, html)
    return Page(html, path, origin, request.out)


def _template() -> str:
    for folder in (_HERE / "browser", _HERE.parents[1] / "build" / "browser"):
        if (folder / _BUILT).is_file():
            return (folder / _BUILT).read_text(encoding="utf-8")
    raise MachineLacks("The page is not built here. In a checkout of lander, type: make browser")


def _playable(path: Path) -> bytes:
    """The content of a file that the page will take, so that a refusal is known before the page is sent away.

    A file of another library is left to the page, which asks there which output is the action.
    """
    from lander_runtime.policy.content import read_policy_file
    from lander_runtime.policy.policy import NoMetadata, Policy

    content = read_policy_file(path)
    if len(content) > _LARGEST_FILE:
        raise InputRefused(f"{path}: larger than {_LARGEST_FILE // 2**20} MB; the page runs small networks.")
    try:
        policy = Policy.from_bytes(content, path, "cpu")
    except NoMetadata:
        return content
    env, observation = policy.info.env, policy.info.observation
    if env.id not in _PLAYABLE:
        raise InputRefused(
            f"{path}: acts in {env.id}; the page has {' and '.join(_PLAYABLE)}. Name a policy for these."
        )
    precision = policy.info.precision
    if precision is not None:
        raise InputRefused(
            f"{path}: in {shortened(precision.format, 40)}; the page runs networks in float32. Name the file "
            "that it was made from."
        )
    if env.wrappers or observation.shape != (8,):
        raise InputRefused(f"{path}: its environment has wrappers, which the page does not have.")
    return content


def _with_block(html: str, name: str, content: str) -> str:
    """`html` with other text in the block of data of that name."""
    block = re.compile(rf'(<script type="[a-z]+/[a-z]+" id="{name}">)[^<]*(</script>)')
    found, count = block.subn(lambda match: match[1] + content + match[2], html)
    assert count == 1, f"the page has {count} blocks {name!r}"
    return found


@contextmanager
def serving(page: Page) -> Iterator[ThreadingHTTPServer]:
    """A server of `page` on a free port of 127.0.0.1, which `serve_forever` runs; see `address_of`."""
    body = page.html.encode()

    class Handler(BaseHTTPRequestHandler):
        """Answers with the page, to requests that were meant for this machine."""

        def do_GET(self) -> None:
            # Another name for 127.0.0.1 is how a web site would read what runs here.
            host = self.headers.get("Host", "").partition(":")[0]
            if host not in ("127.0.0.1", "localhost"):
                self.send_error(403)
            elif self.path != "/":
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Parts do not print."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        yield server


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is no fault; any other is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]


def address_of(server: ThreadingHTTPServer) -> str:
    """What to open in a browser."""
    return f"http://127.0.0.1:{server.server_address[1]}/"
