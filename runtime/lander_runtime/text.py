"""Words for whatever is read by people: numbers and nouns in agreement, and texts that a stranger wrote."""

_LONGEST = 60


def counted(number: int, noun: str) -> str:
    """Such as `1 episode`, `0 ties` or `10,000 steps`, for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(text: str) -> str:
    """A stranger's text as a message may repeat it: in quotes, cut short, without control characters."""
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
