"""Words for whatever is read by people: numbers and nouns in agreement, and texts that a stranger wrote."""

_LONGEST = 60


def counted(number: int, noun: str) -> str:
    """Such as `1 episode`, `0 ties` or `10,000 steps`, for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(text: str) -> str:
    """A stranger's text as a message may repeat it: in quotes, cut short, without control characters."""
    quoted = repr(text[:_LONGEST])
    if len(text) <= _LONGEST and len(quoted) <= 2 * _LONGEST:
        return quoted
    return f"{quoted[: 2 * _LONGEST].rstrip(quoted[-1])}...{quoted[-1]}"


def printable(text: str) -> str:
    """A line that may hold a stranger's words, with what a terminal obeys written out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
