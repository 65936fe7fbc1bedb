"""A policy in one screen: the lines of its `repr`, and a table for a notebook.

The score that a file states is a claim, and is shown as one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from lander_runtime.files import picture_as_html
from lander_runtime.scores.words import env_in_words, score_in_words
from lander_runtime.text import aligned, counted, html_table, html_text

if TYPE_CHECKING:
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.policy.metadata import Verification
    from lander_runtime.scores.summary import Summary
    from lander_runtime.spec import Space

LARGEST_GIF = 2_000_000
"""Bytes. A notebook keeps what it shows, so a larger picture is left out."""


def as_text(policy: "PolicyFile") -> str:
    """Some aligned lines below the name of the file."""
    return f"{type(policy).__name__}\n{aligned([('file', str(policy.path)), *_rows(policy)])}"


def as_html(policy: "PolicyFile") -> str:
    """The same as a table, with the GIF that lies beside the file, if there is one."""
    heading = f"<strong>{type(policy).__name__}</strong> <code>{html_text(str(policy.path))}</code>"
    return f"<div>{heading}{html_table(_rows(policy))}{_gif_beside(policy)}</div>"


def space_in_words(space: "Space") -> str:
    """Such as `one of 4` or `float32 [8]`."""
    if space.type == "Discrete":
        return f"one of {space.n}"
    if space.type == "MultiDiscrete":
        return f"one of each of {', '.join(map(str, space.nvec))}"
    return f"{space.dtype} [{', '.join(map(str, space.shape))}]"


def verification_in_words(check: "Verification", outputs: str = "logits") -> str:
    """Such as `4,542 observations, logits within 6.8e-07, 100.00% of actions equal (0 ties)`."""
    return (
        f"{counted(check.observations, 'observation')}, {outputs} within {check.max_difference:.1e}, "
        f"{check.action_agreement:.2%} of actions equal ({counted(check.ties, 'tie')})"
    )


def claimed_score(score: "Summary | None") -> str:
    """The score that a file states of itself."""
    return "none claimed" if score is None else f"{score_in_words(score)}, claimed by the file"


def claimed_verification(check: "Verification", outputs: str) -> str:
    """The comparison with PyTorch that a file states of itself."""
    return f"{verification_in_words(check, outputs)}, claimed by the file"


def _rows(policy: "PolicyFile") -> list[tuple[str, str]]:
    return [
        ("environment", env_in_words(policy.env)),
        ("observation", space_in_words(policy.observation)),
        ("action", space_in_words(policy.action)),
        ("score", claimed_score(policy.claimed_score)),
        *(("assumed", assumption) for assumption in policy.assumptions),
        ("runs on", policy.provider),
        ("sha256", policy.sha256),
    ]


def _gif_beside(policy: "PolicyFile") -> str:
    try:
        path = Path(policy.path).with_suffix(".gif")
    except ValueError:  # A path that no file can have: the table stands alone.
        return ""
    return picture_as_html(path, f"{path.name}, the picture beside the policy", LARGEST_GIF)
