"""`--shard i/n` as people type it, and where reports go."""

import re
from pathlib import Path

from lander_runtime.errors import UsageError
from lander_runtime.scores.shards import Shard


def parse_shard(text: str, first_seed: int, episodes: int) -> Shard:
    """The part that `text`, such as `2/8`, means of so many episodes.

    Raises:
        UsageError: it is no such text, or there is no such part.
    """
    numbers = re.fullmatch(r"([0-9]{1,18})/([0-9]{1,18})", text.strip())
    if numbers is None:
        raise UsageError(f"--shard {text!r} should be a part such as 1/8, the first of eight.")
    return Shard(int(numbers[1]), int(numbers[2]), first_seed, episodes)


def file_of(shard: Shard) -> Path:
    """Such as `shards/2-of-8.json`; the folder is what `lander merge` takes."""
    return Path("shards") / f"{shard.index}-of-{shard.of}.json"


def check_json(out: Path | None) -> None:
    """Refuse a name under which `lander merge` would not look for a report, such as the policy's own.

    Raises:
        UsageError: `out` does not end in .json.
    """
    if out is not None and out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} should be a file whose name ends in .json.")
