"""The verdicts of a comparison.

Apart from `paired.py`, so that a command can use them without loading numpy.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """What the differences show about a policy, compared with the baseline."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no difference shown"
    ALIKE = "alike"
    """The same return on every seed, to the last bit."""
