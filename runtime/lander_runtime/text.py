"""A number with its noun in singular or plural, for tables, cards and messages."""


def counted(number: int, noun: str) -> str:
    """For example `1 episode`, `0 ties` or `10,000 steps`; only for nouns whose plural adds an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """`text` without control characters, which a stranger's file could use to command the terminal."""
    return "".join(character for character in text if character.isprintable())
