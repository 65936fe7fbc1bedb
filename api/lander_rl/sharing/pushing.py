"""`push`: a policy to the Hugging Face Hub, with its card, picture, settings and replay."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.finding import find_own_policy
from lander_rl.inputs.importing import with_imports
from lander_rl.observing import stages_of
from lander_rl.sharing import card, hub
from lander_rl.sharing.checking import check_score
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.errors import CheckFailed, MachineLacks, UsageError
from lander_runtime.files import read_regular, read_regular_text, sha256_of

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import EpisodeObserver

_BESIDE = {"policy.gif": "policy.gif", "policy.mp4": "policy.mp4", "config.toml": "config.toml"}
"""Files of a run's folder that go with its policy, and their names on the Hub."""

_LARGEST = 2**29


@dataclass(frozen=True, kw_only=True)
class PushRequest:
    """The arguments of `push`."""

    repository: str
    """`user/name`."""

    policy: Path | None = None
    """A policy file, or a folder with one; the newest run's policy where it is None."""

    private: bool = False
    """Of a repository that is made now: only you, and those whom you let, can see it."""

    replay: Path | None = None
    """A .jsonl.gz file of `evaluate(save_replay=...)`, to go with it."""

    check: bool = True
    """Measure the claimed score again on its own seeds first; nothing is pushed where it does not hold."""

    large: bool = False
    """Push a file of 64 to 512 MB too."""

    imports: Sequence[str] = ()
    """Modules that register environments."""


@dataclass(frozen=True, repr=False)
class Pushed(RowResult):
    """What was pushed."""

    repository: str
    commit: str
    """The address of the commit."""
    files: tuple[str, ...]
    score: str
    """What is known of its score, in words."""

    def rows(self) -> list[tuple[str, str]]:
        """What was pushed, as names and values."""
        return [
            ("pushed", self.repository),
            ("commit", self.commit),
            ("files", ", ".join(self.files)),
            ("score", self.score),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander push --json` prints it."""
        return {
            "schema": "lander.push/1",
            "repository": self.repository,
            "commit": self.commit,
            "files": list(self.files),
            "score": self.score,
        }


@names_arguments
def push(
    policy: str | os.PathLike[str] | None,
    repository: str,
    *,
    private: bool = False,
    replay: str | os.PathLike[str] | None = None,
    check: bool = True,
    large: bool = False,
    imports: Sequence[str] = (),
    observer: "EpisodeObserver | None" = None,
) -> Pushed:
    """Put a policy on the Hugging Face Hub, its claims checked first.

    Args:
        policy: a policy file, a `Run` or its folder; None is the newest run's.
        repository: `user/name`, made where there is none.
        private: of a repository that is made now.
        replay: a .jsonl.gz file of recorded episodes, to go with it.
        check: measure the claimed score again on its own seeds first.
        large: push a file of 64 to 512 MB too.
        imports: modules that register environments.
        observer: is called with every episode of that measurement.

    Raises:
        CheckFailed: the claimed score does not hold, or the file's golden vectors do not.
        InputRefused: there is no such file, it is not from `export`, the Hub refuses, or somebody else
            pushed meanwhile.
        MachineLacks: huggingface_hub is not installed, no token of the Hub is here, or the Hub cannot be
            reached.
        UsageError: `repository` is no name of a repository, or `policy` is None and the newest run has not
            been exported.
    """
    return run_push(
        PushRequest(
            repository=repository, policy=None if policy is None else Path(policy), private=private,
            replay=None if replay is None else Path(replay), check=check, large=large, imports=imports,
        ),
        observer,
    )  # fmt: skip


def run_push(request: PushRequest, observer: "EpisodeObserver | None" = None) -> Pushed:
    """`push` with its arguments as a request; raises the same errors."""
    from lander_runtime.policy.content import read_policy_file
    from lander_runtime.policy.policy import Policy

    repository = hub.check_name(request.repository)
    with_imports(request.imports)
    path, origin = find_own_policy(request.policy, request.imports)
    # What is wrong with the user's own files is said first: no login and no connection helps there.
    content = read_policy_file(path, large=request.large)
    replay = _replay(request.replay)
    # Opened as a stranger's: its digest and its golden vectors are checked.
    policy = Policy.from_bytes(content, path, "cpu", request.large)
    info, sha256 = policy.info, sha256_of(content)
    hub.check_installed()
    if hub.is_offline():
        raise MachineLacks("HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it.")
    # Before minutes of episodes.
    parent = hub.check_access(repository, private=request.private)
    stages = stages_of(observer)
    stages.on_note(f"Pushing {path} ({origin})")
    checked = None
    if request.check and info.evaluation is not None:
        checked = check_score(path, info.evaluation, request.imports, observer)
        if checked.failure is not None:
            raise CheckFailed(f"Nothing was pushed. {checked.failure}")
        # Before the Hub is asked, which may not answer.
        stages.on_note(f"Score: {checked.in_words()}")
    own_card = path.with_suffix(".md")
    body = read_regular_text(own_card, 2**20) if _is_own(own_card) else None
    files: dict[str, Path | bytes] = {
        "policy.onnx": content,
        "README.md": card.render(repository, info, sha256, body).encode(),
        card.MANIFEST: card.manifest(info, sha256, None if checked is None else checked.report),
        **_beside(path),
        **replay,
    }
    commit = hub.upload(
        repository,
        files,
        private=request.private,
        message=f"A policy for {info.env.id}",
        parent=parent,
    )
    if checked is not None:
        score = checked.in_words()
    else:
        score = "not claimed by the file" if info.evaluation is None else "as the file claims, not measured"
    return Pushed(repository, commit, tuple(files), score)


def _beside(policy: Path) -> dict[str, Path | bytes]:
    found = {name: policy.with_name(file) for file, name in _BESIDE.items()}
    return {name: path for name, path in found.items() if _is_own(path)}


def _is_own(path: Path) -> bool:
    """Whether a file is there, and no link: somebody's folder must not publish what lies elsewhere."""
    return path.is_file() and not path.is_symlink()


def _replay(path: Path | None) -> dict[str, Path | bytes]:
    if path is None:
        return {}
    if not path.name.endswith(".jsonl.gz"):
        raise UsageError(f"--replay {path} should be a file of lander eval --save-replay, .jsonl.gz.")
    return {"replay.jsonl.gz": read_regular(path, _LARGEST)}
