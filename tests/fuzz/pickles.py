"""Pickles with opcodes left out, doubled, moved or put in."""

import pickletools
import random

from tests.fuzz.mutations import bytes_changed

_PUT_IN = (
    b"N", b"\x88", b"(", b")", b"]", b"}", b"\x85", b"\x86", b"\x87", b"t", b"R", b"b", b"\x94", b"\x81",
    b"s", b"u", b"a", b"e", b".", b"0", b"2", b"h\x00", b"h\x05", b"\x8a\x09" + b"\xff" * 8 + b"\x7f",
    b"K\x03", b"J\xff\xff\xff\xff", b"G\x7f\xf8\0\0\0\0\0\0", b"X\x02\0\0\0f8",
    b"X\x03\0\0\0\xed\xa0\x80", b"C\x08" + bytes(8), b"cos\nsystem\n", b"cnumpy\ndtype\n",
    b"\x8c\x02os\x8c\x06system\x93", b"\x80\x05", b"Pid\n", b"I9999999\n",
)  # fmt: skip
"""Opcodes with their arguments."""


def opcodes_changed(rng: random.Random, data: bytes) -> bytes:
    """The pickle `data` with a few of its opcodes changed; as bytes where it is none."""
    try:
        places = [place for _, _, place in pickletools.genops(data) if place is not None]
    except Exception:  # A damaged one can raise anything.
        return bytes_changed(rng, data)
    codes = [data[start:end] for start, end in zip(places, [*places[1:], len(data)], strict=True)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(codes))
        match rng.randrange(6):
            case 0:
                codes.insert(place, rng.choice(_PUT_IN))
            case 1:
                codes[place] = rng.choice(_PUT_IN)
            case 2 if len(codes) > 1:
                del codes[place]
            case 3:
                codes.insert(rng.randrange(len(codes)), codes[place])
            case 4:
                codes.insert(place, _nested(rng.choice((3, 20, 60))))
            case _:
                codes[place] = bytes_changed(rng, codes[place])
    return b"".join(codes)


def _nested(depth: int) -> bytes:
    """Opcodes of a tuple that holds one tuple twice, which holds one twice: as text it doubles each time."""
    places = (bytes([200 + level % 50]) for level in range(depth))
    return b"N" + b"".join(b"q" + place + b"h" + place + b"\x86" for place in places)
