"""Figures in words, the same in every command."""

import re
from typing import TYPE_CHECKING

from lander_runtime.errors import UsageError
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_runtime.policy.metadata import Verification


def verification_in_words(check: "Verification", outputs: str = "logits") -> str:
    """Such as `4,542 observations, logits within 6.8e-07, 100.00% of actions equal (0 ties)`."""
    return (
        f"{counted(check.observations, 'observation')}, {outputs} within {check.max_difference:.1e}, "
        f"{check.action_agreement:.2%} of actions equal ({counted(check.ties, 'tie')})"
    )


def duration(text: str) -> float:
    """Seconds in a text such as `90`, `60s`, `2m` or `1h30m`.

    Raises:
        UsageError: it is none of these, or zero.
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    parts = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?", text.strip().lower())
    try:
        found = (
            []
            if parts is None
            else [float(p) * u for p, u in zip(parts.groups(), units.values(), strict=True) if p]
        )
    except ValueError:  # Such as 1.2.3
        found = []
    if sum(found) <= 0.0:
        raise UsageError(f"{text!r} is no duration; write it as 60s, 2m or 1h30m.")
    return sum(found)
