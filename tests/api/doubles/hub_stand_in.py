"""A stand-in for the Hugging Face Hub: real HTTP on a socket, and the few endpoints that are used.

No Hub is asked in the tests. What the stand-in answers was read off huggingface_hub's own requests and what
it takes for an answer. People who try push and pull start it: `python tests/api/doubles/hub_stand_in.py`.
"""

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

TOKEN = "hf_" + "s" * 34
"""What no output and no file may hold."""


@dataclass
class Repo:
    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    card: dict[str, Any] | None = None

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass
class Hub:
    """The repositories, and what was asked."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    odd: Any = None
    """What is answered about the repository me/odd."""
    failing: tuple[str, int] | None = None
    """A method, and the status that it gets where it asks for a file."""


class Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self._asked()
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
            if name in self.hub.repos:
                self._json({"url": f"{self.hub.url}/{name}"}, 409)
                return
            self.hub.repos[name] = Repo(private=wanted.get("visibility") == "private")
            self._json({"url": f"{self.hub.url}/{name}", "name": name})
        elif "/preupload/" in path:
            files = [
                {**one, "uploadMode": "regular", "shouldIgnore": False} for one in json.loads(body)["files"]
            ]
            self._json({"files": files})
        elif "/commit/" in path:
            name = path.removeprefix("/api/models/").partition("/commit/")[0]
            lines = [json.loads(line) for line in body.splitlines()]
            parent = lines[0]["value"].get("parentCommit")
            if parent not in (None, self.hub.repos[name].sha):
                self._json({"error": "A commit has happened since. Please refresh and try again."}, 412)
                return
            for line in lines:
                if line["key"] == "file":
                    value = line["value"]
                    self.hub.repos[name].files[value["path"]] = base64.b64decode(value["content"])
            sha = self.hub.repos[name].sha
            self._json({"commitOid": sha, "commitUrl": f"{self.hub.url}/{name}/commit/{sha}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        else:
            self._json({"error": f"unknown: {path}"}, 404)

    def do_GET(self) -> None:
        path = self._asked()
        if path.startswith("/api/models/"):
            name = path.removeprefix("/api/models/").partition("/revision/")[0].partition("/tree/")[0]
            if name == "me/odd":
                self._json(self.hub.odd)
                return
            repo = self._repo(name)
            if repo is None:
                return
            tree = [
                {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for file, content in repo.files.items()
            ]
            if "/tree/" in path:
                self._json(tree)
                return
            siblings = [{"rfilename": one["path"], "size": one["size"], "blobId": one["oid"]} for one in tree]
            self._json(
                {"id": name, "modelId": name, "sha": repo.sha, "private": repo.private, "siblings": siblings,
                 "cardData": repo.card, "tags": [], "downloads": 0, "likes": 0}
            )  # fmt: skip
        elif "/resolve/" in path:
            self._file(path)
        else:
            self._json({"error": f"unknown: {path}"}, 404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _file(self, path: str) -> None:
        name, _, rest = path[1:].partition("/resolve/")
        repo = self._repo(name)
        if repo is None:
            return
        if self.hub.failing is not None and self.command == self.hub.failing[0]:
            self._json({"error": "failing"}, self.hub.failing[1])
            return
        content = repo.files[rest.partition("/")[2]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", repo.sha)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _repo(self, name: str) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self._token() != TOKEN):
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return None
        return repo

    def _asked(self) -> str:
        path = unquote(self.path.partition("?")[0])
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.tokens.add(self._token())
        return path

    def _token(self) -> str | None:
        given = self.headers.get("Authorization")
        return None if given is None else given.removeprefix("Bearer ")

    def _json(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None: ...


def serving(hub: Hub, port: int = 0) -> ThreadingHTTPServer:
    """A server of `hub` on 127.0.0.1, which does not answer yet; sets the URL of `hub`."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Mine", (Answers,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    return server


def main() -> None:
    """Serve an empty Hub until Ctrl-C."""
    hub = Hub()
    with serving(hub, 8008) as server:
        print(f"In another terminal: export HF_ENDPOINT={hub.url} HF_TOKEN={TOKEN}")
        print("Then: lander push POLICY me/NAME. Ctrl-C stops it and forgets everything.", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
