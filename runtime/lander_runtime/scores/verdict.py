"""What a comparison can come to.

Apart from `paired.py`, so that a command may know the words without loading numpy.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """What the differences show of a policy against the baseline."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no difference shown"
    ALIKE = "alike"
    """The same return on every seed, to the last bit."""
