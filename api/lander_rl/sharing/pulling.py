"""`pull`: a policy from the Hugging Face Hub, checked before it is named.

What lander pushed is compared with its manifest, and opened: weights and golden vectors. Of repositories in
the layout of Stable-Baselines3 the one zip, or the one ONNX file, is found. Nothing of them is unpickled.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.importing import with_imports
from lander_rl.observing import stages_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.sharing import card, hub
from lander_rl.sharing.checking import ScoreCheck, check_score
from lander_rl.sharing.taking import take
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.errors import CheckFailed, InputRefused
from lander_runtime.files import atomic_writes, check_writable, sha256_of
from lander_runtime.scores.words import mean_in_words
from lander_runtime.text import counted, quoted

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.policy.metadata import PolicyInfo


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """The arguments of `pull`."""

    repository: str
    """`user/name`."""

    out: Path | None = None
    """The folder; `hub/user/name` where it is None. Files of the same names in it are replaced."""

    revision: str | None = None
    """A branch, tag or commit; the newest where it is None."""

    file: str | None = None
    """The model's file, where the repository has several."""

    check: bool = False
    """Measure the claimed score again on its own seeds."""

    offline: bool = False
    """Take what is in the cache of this machine, without asking the Hub."""

    large: bool = False
    """Take a file of 64 to 512 MB too."""

    imports: Sequence[str] = ()
    """Modules that register environments, for `check`."""


@dataclass(frozen=True, repr=False)
class Pulled(RowResult):
    """What was pulled, and what is known of it."""

    repository: str
    commit: str
    """The Hub's name of the state that was taken."""
    model: Path
    """The policy file, or the zip of another library."""
    info: "PolicyInfo | None"
    """What lander's policy file claims of itself; None of any other file."""
    env: str | None
    """The environment that the file, else the repository's card, names."""
    files: tuple[Path, ...]
    pushed: card.Manifest | None
    """What lander noted when it was pushed, and the policy file is that one; None without such a note."""
    score: ScoreCheck | None
    """Where it was asked for."""

    @property
    def next_command(self) -> list[str]:
        """What to type with the model."""
        if self.info is not None:
            return ["lander", "eval", str(self.model)]
        what = "export" if self.model.suffix == ".zip" else "eval"
        return ["lander", what, str(self.model), "--env", self.env or "ID"]

    def rows(self) -> list[tuple[str, str]]:
        """What was pulled, as names and values."""
        rows = [("pulled", f"{self.repository} at {self.commit[:12]}"), ("model", str(self.model))]
        if self.info is None:
            rows += [
                ("environment", f"{self.env}, by the card" if self.env else "not named"),
                ("checked", "nothing yet: it is another library's file"),
            ]
        else:
            against = "" if self.pushed is None else "its file is the one that was pushed, "
            rows += [
                ("environment", self.info.env.id),
                ("checked", f"{against}weights and golden vectors hold"),
                ("score", self._score_in_words()),
            ]
        return [*rows, ("files", ", ".join(path.name for path in self.files))]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander pull --json` prints it."""
        return {
            "schema": "lander.pull/1",
            "repository": self.repository,
            "commit": self.commit,
            "model": str(self.model),
            "env": self.env,
            "own": self.info is not None,
            "compared": self.pushed is not None,
            "files": [str(path) for path in self.files],
            "claimed_mean": None
            if self.info is None or self.info.evaluation is None
            else self.info.evaluation.mean_return,
            "measured_mean": None if self.score is None else self.score.report.summary.mean_return,
        }

    def _score_in_words(self) -> str:
        assert self.info is not None
        if self.score is not None:
            found = self.score.report.sha256
            same = self.pushed is not None and self.pushed.report_sha256 == found
            return self.score.in_words() + ("; the report has the digest that was noted then" if same else "")
        claimed = self.info.evaluation
        if claimed is None:
            return "none claimed"
        return f"{mean_in_words(claimed)} over {counted(claimed.episodes, 'episode')}, claimed by the file"


@names_arguments
def pull(
    repository: str,
    out: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    file: str | None = None,
    check: bool = False,
    offline: bool = False,
    large: bool = False,
    imports: Sequence[str] = (),
    observer: "EpisodeObserver | None" = None,
) -> Pulled:
    """Take a policy from the Hugging Face Hub, and check it.

    Args:
        repository: `user/name`.
        out: the folder; `hub/user/name` by default.
        revision: a branch, tag or commit; the newest by default.
        file: the model's file, where the repository has several.
        check: measure the claimed score again on its own seeds.
        offline: take what is in the cache of this machine, without asking the Hub.
        large: take a file of 64 to 512 MB too.
        imports: modules that register environments, for `check`.
        observer: is called with every episode of that measurement.

    Raises:
        CheckFailed: with `check`, the claimed score does not hold.
        InputRefused: there is no such repository, no model in it, or the model is not what it claims.
        MachineLacks: huggingface_hub is not installed, or the Hub cannot be reached.
        UsageError: `repository` or `revision` is no name, or `out` cannot be written.
    """
    return run_pull(
        PullRequest(
            repository=repository, out=None if out is None else Path(out), revision=revision, file=file,
            check=check, offline=offline, large=large, imports=imports,
        ),
        observer,
    )  # fmt: skip


def run_pull(request: PullRequest, observer: "EpisodeObserver | None" = None) -> Pulled:
    """`pull` with its arguments as a request; raises the same errors."""
    repository = hub.check_name(request.repository)
    hub.check_revision(request.revision)
    hub.check_installed()
    folder = request.out or Path("hub") / repository
    stages = stages_of(observer)
    # hub/USER/NAME is made in full; of a folder that was typed, the last level only.
    check_all_writable(
        folder / "policy.onnx", say=stages.on_note, new_folders=3 if request.out is None else 1
    )
    with_imports(request.imports)
    taken = take(request, stages)
    info, pushed = _checked(repository, taken.model, taken.contents, large=request.large)
    files = _written(folder, taken.contents)
    score = None
    if request.check and info is not None and info.evaluation is not None:
        score = check_score(files[0], info.evaluation, request.imports, observer)
        if score.failure is not None:
            raise CheckFailed(score.failure)
    return Pulled(
        repository=repository, commit=taken.commit, model=files[0], info=info,
        env=taken.env if info is None else info.env.id, files=files, pushed=pushed, score=score,
    )  # fmt: skip


def _checked(
    repository: str, model: str, contents: dict[str, bytes], *, large: bool
) -> "tuple[PolicyInfo | None, card.Manifest | None]":
    """What lander's policy file says, once it holds, and what was noted when it was pushed; else None."""
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.policy import Policy

    pushed = None
    if card.MANIFEST in contents and model == "policy.onnx":
        pushed = card.read_manifest(contents[card.MANIFEST], f"{repository}: {card.MANIFEST}")
        found = sha256_of(contents[model])
        if pushed.sha256 != found:
            raise InputRefused(
                f"{repository}: {model} has the SHA-256 {found}, and {card.MANIFEST} names "
                f"{quoted(pushed.sha256)}. It is not the file that was pushed."
            )
    if not model.endswith(".onnx") or read_model(contents[model], model).metadata is None:
        return None, pushed
    # Opening checks the weights and the golden vectors.
    return Policy.from_bytes(contents[model], Path(model), "cpu", large).info, pushed


def _written(folder: Path, contents: dict[str, bytes]) -> tuple[Path, ...]:
    paths = tuple(folder / name for name in contents)
    for path in paths:
        # The folder was checked before they came.
        check_writable(path, new_folders=len(path.parts))
    with atomic_writes(*paths) as temporaries:
        for temporary, content in zip(temporaries, contents.values(), strict=True):
            temporary.write_bytes(content)
    return paths
