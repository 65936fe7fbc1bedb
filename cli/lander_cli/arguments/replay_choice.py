"""Which episodes of a replay file are meant by `--episodes`."""

import re
from typing import TYPE_CHECKING

from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_runtime.replays import ReplayFile


def choose(wanted: str, replay: "ReplayFile") -> range | list[int]:
    """The numbers of the episodes, in order: `all`, `first`, `best`, `worst`, a number, or seeds.

    Best and worst go by the returns that the file claims, the first of equals. A number is how many
    from the first on; where the file has fewer and has an episode of that seed, it is the seed.

    Raises:
        UsageError: none of these, or a seed that the file does not have.
    """
    first, count = replay.header.first_seed, replay.header.episodes
    if wanted in ("all", "first"):
        return range(count if wanted == "all" else 1)
    if wanted in ("best", "worst"):
        sign = 1 if wanted == "best" else -1
        return [max(replay, key=lambda recorded: sign * recorded.return_).index]
    if not re.fullmatch(r"[\d_]{1,19}(,[\d_]{1,19})*,?", wanted) or not wanted.strip("_,"):
        raise UsageError(
            f"--episodes {wanted!r} is not known; choose all, first, best, worst, a number, or seeds with "
            f"commas such as {first},{first + count - 1}."
        )
    numbers = [int(part.replace("_", "")) for part in wanted.split(",") if part.strip("_")]
    if len(numbers) == 1 and "," not in wanted and 1 <= numbers[0] <= count:
        return range(numbers[0])
    for number in numbers:
        if not first <= number < first + count:
            raise UsageError(
                f"The file has {count} episodes, seeds {first} to {first + count - 1}; {number} is neither "
                "one of them nor how many to take."
            )
    return sorted({number - first for number in numbers})
