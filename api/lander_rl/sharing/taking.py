"""Which files of a repository are taken, and taking them; nothing of them is checked here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lander_rl.sharing import card, hub
from lander_runtime.errors import InputRefused
from lander_runtime.files import read_regular
from lander_runtime.policy.content import LARGE_FILE_BYTES, USUAL_FILE_BYTES
from lander_runtime.text import quoted

if TYPE_CHECKING:
    from lander_rl.observing import EvaluationObserver
    from lander_rl.sharing.pulling import PullRequest

_MORE = ("README.md", "policy.gif", "policy.mp4", "config.toml", "replay.jsonl.gz", "vec_normalize.pkl")
"""What is taken beside a model; nothing else of a repository is."""

_NO_MODELS = ("train_eval_metrics.zip",)
"""Zips that rl-zoo puts beside its models."""

_LARGEST_BESIDE = 64 * 2**20
"""Bytes of such a file; larger ones are left where they are."""

_FILE_NAME = re.compile(r"\w[\w .+-]{0,150}", re.ASCII)
_ENV_ID = re.compile(r"[\w./-]{1,80}", re.ASCII)


@dataclass(frozen=True)
class Taken:
    """What was taken of a repository; nothing of it is checked yet."""

    commit: str
    model: str
    """The name of the model's file."""
    contents: dict[str, bytes]
    """By name, the model's first."""
    env: str | None
    """The environment that the repository's card names."""


def take(request: "PullRequest", stages: "EvaluationObserver") -> Taken:
    """Download the model of a repository and the few files beside it, or find them in the cache.

    Raises:
        InputRefused: there is no such repository, no model in it, several, or it is too large.
        MachineLacks: the Hub cannot be reached, or the cache does not have it.
    """
    if request.offline or hub.is_offline():
        stages.on_note(f"Taking {request.repository} from the cache")
        folder = hub.download(request.repository, request.revision, ("*",), offline=True)
        sizes = _usual({path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()})
        model, environments = _model(sizes, request), ()
    else:
        stages.on_note(f"Taking {request.repository} from the Hub")
        remote = hub.look(request.repository, request.revision)
        sizes = _usual(remote.sizes)
        model, environments = _model(sizes, request), remote.environments
        folder = hub.download(request.repository, request.revision, _wanted(model, sizes), offline=False)
        if folder.name != remote.commit:
            raise InputRefused(f"{request.repository} was changed while it was taken. Type the same again.")
    contents = {
        name: read_regular(folder / name, LARGE_FILE_BYTES, may_be_empty=True)
        for name in _wanted(model, sizes)
    }
    return Taken(folder.name, model, contents, next(filter(_ENV_ID.fullmatch, environments), None))


def _usual(sizes: Mapping[str, int]) -> dict[str, int]:
    """Those in the top folder of a repository whose names are safe to write and to print."""
    return {name: size for name, size in sizes.items() if _FILE_NAME.fullmatch(name)}


def _wanted(model: str, sizes: dict[str, int]) -> list[str]:
    beside = (*_MORE, card.MANIFEST)
    return [model, *(name for name in beside if name in sizes and sizes[name] <= _LARGEST_BESIDE)]


def _model(sizes: dict[str, int], request: "PullRequest") -> str:
    """The name of the model's file among the files of a repository.

    Raises:
        InputRefused: there is none, there are several, or it is too large.
    """
    models = [name for name in sorted(sizes) if name.endswith((".onnx", ".zip")) and name not in _NO_MODELS]
    onnx = [name for name in models if name.endswith(".onnx")]
    if request.file is not None:
        found = [name for name in sizes if name == request.file and name in models]
    elif "policy.onnx" in onnx:
        found = ["policy.onnx"]
    else:
        found = onnx or models
    if not found:
        wanted = "policy: expected an .onnx, or a .zip of Stable-Baselines3"
        if request.file is not None:
            wanted = f"model {quoted(request.file)} in its top folder"
        raise InputRefused(f"{request.repository} has no {wanted}.")
    if len(found) > 1:
        raise InputRefused(
            f"{request.repository} has several models ({', '.join(found[:5])}). Name one of them with --file."
        )
    limit = LARGE_FILE_BYTES if request.large else USUAL_FILE_BYTES
    if sizes[found[0]] > limit:
        raise InputRefused(
            f"{request.repository}: {found[0]} has {sizes[found[0]] / 1e6:,.0f} MB; expected at most "
            f"{limit / 1e6:,.0f} MB. Add --large for up to {LARGE_FILE_BYTES / 1e6:,.0f} MB."
        )
    return found[0]
