"""Short names of files for tables, each different from the others."""

from collections.abc import Sequence
from pathlib import Path

from lander_runtime.text import shortened


def short_names(paths: Sequence[Path]) -> list[str]:
    """For each path its shortest end that no other has, without the ending that all share.

    Such as `001` and `002` for runs/a/001/policy.onnx and runs/a/002/policy.onnx. A number alone says nothing
    beside names from elsewhere: there it is `a/001`. Where two still read the same (one file named twice, or
    names that differ in what cannot be printed), they are numbered.
    """
    parts: list[tuple[str, ...]] = [path.parts or (".",) for path in paths]
    if len(set(parts)) > 1:
        while all(len(names) > 1 for names in parts) and len({names[-1] for names in parts}) == 1:
            parts = [names[:-1] for names in parts]
    ends = [_shortest_end(own, parts) for own in parts]
    if len({own[:-1] for own in parts}) > 1:
        ends = [
            own[-2:] if len(end) == 1 and end[0].isdigit() else end
            for own, end in zip(parts, ends, strict=True)
        ]
    names = [shortened(str(Path(*end))) for end in ends]
    return [
        f"{name or 'policy'} ({names[: i + 1].count(name)})" if names.count(name) > 1 or not name else name
        for i, name in enumerate(names)
    ]


def _shortest_end(own: tuple[str, ...], all_parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if all_parts.count(own) == len(all_parts):
        return own[-1:]
    for length in range(1, len(own)):
        if not any(other[-length:] == own[-length:] for other in all_parts if other != own):
            return own[-length:]
    return own
