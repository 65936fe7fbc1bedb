"""Numbers and nouns in agreement, for whatever is read by people: tables, cards, messages."""


def counted(number: int, noun: str) -> str:
    """Such as `1 episode`, `0 ties` or `10,000 steps`, for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """`text` without control characters, which a stranger's file could use to command the terminal."""
    return "".join(character for character in text if character.isprintable())
