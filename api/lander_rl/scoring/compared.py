"""What is compared: policies, and reports in the place of policies; and over which episodes.

Apart from `comparing.py`, which runs the episodes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from lander_rl.inputs.file_options import FileOptions
from lander_rl.inputs.filenames import Filename
from lander_rl.inputs.opening import Opened, PolicySource
from lander_rl.scoring.request import CompareRequest
from lander_runtime.errors import UsageError
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.text import shortened

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec

_EPISODES = 1000
"""Of each policy by default: over fewer, most differences are lost in the interval."""

_LABEL = 60
"""Characters of what differs in a training."""


def is_saved_report(policy: object) -> TypeGuard[Filename]:
    """Whether `policy` is the path of a report: a name that ends in .json."""
    if not isinstance(policy, str | os.PathLike):
        return False
    path = Path(policy)
    return path.suffix.lower() == ".json" and not path.is_dir()


@dataclass(frozen=True)
class Saved:
    """A report in the place of a policy."""

    name: Path
    """Its file; the path of the policy where the report is no file."""
    report: "Report"

    @property
    def env(self) -> "EnvSpec":
        return self.report.env

    @property
    def assumptions(self) -> tuple[str, ...]:
        return self.report.assumptions


@dataclass(frozen=True)
class EpisodeSettings:
    """Which episodes are run, and how."""

    episodes: int
    seed: int
    sampled: bool


def open_compared(policy: "PolicySource | Report", request: CompareRequest) -> "Opened | Saved":
    """A policy, or the report in its place; raises as `compare` does."""
    from lander_runtime.foreign.opening import SaysItself
    from lander_runtime.scores.report import Report
    from lander_runtime.scores.report_file import read_report

    if isinstance(policy, Report):
        return Saved(Path(policy.policy_path or "report"), policy)
    if is_saved_report(policy):
        return Saved(Path(policy), read_report(Path(policy)))
    try:
        return request.open(policy)
    except SaysItself:
        # What is said is for the others: this file says itself how it acts.
        return request.open(policy, FileOptions(large=request.large))


def trained_differently(compared: "Sequence[Opened | Saved]") -> list[str]:
    """For each policy the settings in which its training differed from that of the others, in short.

    Only files of our own say how they were trained; it is their claim.
    """
    from lander_runtime.differing import differences
    from lander_runtime.policy.policy import Policy

    known = {
        number: one.policy.info.training.config
        for number, one in enumerate(compared)
        if isinstance(one, Opened) and isinstance(one.policy, Policy) and one.policy.info.training.config
    }
    trained = [""] * len(compared)
    for (number, config), differing in zip(known.items(), differences(list(known.values())), strict=True):
        # A setting that a file does not name is not known to be none: another version may have written it.
        said = {name: text for name, text in differing.items() if name in config}
        trained[number] = _first_of(said)
    return trained


def _first_of(settings: dict[str, str]) -> str:
    """As many as a line has room for, and how many more there are."""
    from lander_runtime.differing import settings_in_short

    shown = dict(settings)
    while len(shown) > 1 and len(settings_in_short(shown)) > _LABEL:
        shown.popitem()
    more = f" and {len(settings) - len(shown)} more" if len(shown) < len(settings) else ""
    return shortened(settings_in_short(shown), _LABEL) + more


def agreed_settings(compared: "Sequence[Opened | Saved]", request: CompareRequest) -> EpisodeSettings:
    """The settings of the first given report, which policies are run with too; else those of `request`.

    Raises:
        UsageError: `request` differs from the report.
    """
    episodes, seed = request.episodes, request.seed
    saved = next((one for one in compared if isinstance(one, Saved)), None)
    if saved is None:
        first = FIRST_EVALUATION_SEED if seed is None else seed
        return EpisodeSettings(episodes or _EPISODES, first, request.sampled)
    summary = saved.report.summary
    its = EpisodeSettings(summary.episodes, summary.first_seed, not summary.deterministic)
    if (episodes or its.episodes, its.seed if seed is None else seed) != (its.episodes, its.seed) or (
        request.sampled and not its.sampled
    ):
        kind = "sampled" if its.sampled else "greedy"
        raise UsageError(
            f"{saved.name} is of {its.episodes} {kind} episodes from seed {its.seed}, and policies are "
            "compared on the same ones. Leave out --episodes, --seed and --sampled."
        )
    return its


def identity_of(opened: Opened) -> object:
    """Equal for files of the same bytes; a function equals only itself."""
    return id(opened.policy) if opened.file is None else opened.file.sha256
