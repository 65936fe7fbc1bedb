"""Valid files, changed: bytes, fields of protobuf, values of JSON. Everything follows from one generator."""

import json
import random
import struct
from typing import Any

NUMBERS = (
    0, 1, -1, 2, 3, 7, 64, 255, 1000, 65536, -(2**31), 2**31 - 1, 2**31, 2**32, 2**53, 2**61, 2**62,
    2**63 - 1, -(2**63), 2**63, 2**64, 10**30,
)  # fmt: skip
"""Where sizes, products and casts go wrong."""

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 1e308, float("nan"), float("inf"), float("-inf"))

TEXTS = (
    "", "a", "..", "../../etc/passwd", "a:b", "\x1b[2J", "\u202e", "\u0085", "\ud800", "\0", "x" * 5000, "["
    * 2000, "NoSuchEnvironment-v3", "shimmy:Env-v0", "LunarLander-v3",
)  # fmt: skip


def bytes_changed(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, left out, doubled or put in."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(found) + 1)
        match rng.randrange(6):
            case 0:
                found[place : place + 1] = bytes([rng.randrange(256)])
            case 1 if place < len(found):
                found[place] ^= 1 << rng.randrange(8)
            case 2:
                del found[place : place + rng.choice((1, 4, 100))]
            case 3:
                found[place:place] = found[place : place + rng.choice((1, 8, 200))]
            case 4:
                found[place:place] = varint(rng.choice(NUMBERS) % 2**64)
            case _:
                found[place : place + 4] = struct.pack("<I", rng.choice(NUMBERS) % 2**32)
    return bytes(found[: rng.randrange(len(found) + 1)]) if rng.random() < 0.05 else bytes(found)


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    written = b""
    while number > 127:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def fields_changed(rng: random.Random, data: bytes, depth: int = 0) -> bytes:
    """A message of protobuf with one of its fields changed, left out, doubled or moved, at any depth."""
    fields = _fields(data)
    if not fields:
        return bytes_changed(rng, data)
    place = rng.randrange(len(fields))
    number, wire, value = fields[place]
    if wire == 2 and depth < 6 and rng.random() < 0.75 and _fields(value):
        fields[place] = (number, wire, fields_changed(rng, value, depth + 1))
        return _written(fields)
    match rng.randrange(7):
        case 0:
            del fields[place]
        case 1:
            fields.insert(rng.randrange(len(fields) + 1), fields[place])
        case 2:
            fields.insert(rng.randrange(len(fields) + 1), fields.pop(place))
        case 3:
            fields[place] = (rng.randrange(1, 30), wire, value)
        case 4 if wire == 0:
            fields[place] = (number, wire, varint(rng.choice(NUMBERS) % 2**64))
        case 5:
            # Readers that keep 32 bits of a tag see the field all the same.
            fields[place] = (number + 2**29, wire, value)
        case _:
            fields[place] = (number, wire, bytes_changed(rng, value) if wire == 2 else value)
    return _written(fields)


Field = tuple[int, int, bytes]


def _fields(data: bytes) -> list[Field]:
    """The fields of a message; empty where this is none."""
    found: list[Field] = []
    place = 0
    while place < len(data):
        tag, place = _number(data, place)
        wire = tag & 7
        if wire == 0:
            start = place
            _, place = _number(data, place)
            value = data[start:place]
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, place = data[place : place + size], place + size
        elif wire == 2:
            size, place = _number(data, place)
            value, place = data[place : place + size], place + size
        else:
            return []
        if place > len(data) or tag >> 3 == 0:
            return []
        found.append((tag >> 3, wire, value))
    return found


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data):
        value |= (data[place] & 127) << shift
        shift += 7
        place += 1
        if data[place - 1] < 128:
            return value, place
    return 0, len(data) + 1


def _written(fields: list[Field]) -> bytes:
    return b"".join(
        varint(number << 3 | wire) + (varint(len(value)) if wire == 2 else b"") + value
        for number, wire, value in fields
    )


def json_changed(rng: random.Random, value: Any) -> Any:
    """A JSON value with one value in it changed; often the whole of a small one."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(12):
            case 0:
                return {name: item for name, item in value.items() if name != key}
            case 1:
                return {**value, rng.choice(TEXTS): value[key]}
            case 2:
                return {**value, key: value[rng.choice(list(value))]}
        return {**value, key: json_changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        match rng.randrange(12):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return value * rng.choice((2, 3, 100))
        return [*value[:place], json_changed(rng, value[place]), *value[place + 1 :]]
    return _odd(rng, value)


def _odd(rng: random.Random, value: Any) -> Any:
    nested: Any = 1
    for _ in range(rng.choice((1, 30, 70, 900))):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    number = rng.choice(NUMBERS)
    return rng.choice(
        (number, rng.choice(FLOATS), rng.choice(TEXTS), None, True, [], {}, nested, [value], {"a": value},
         [number] * rng.choice((1, 2, 40)), str(value), str(number))
    )  # fmt: skip


def as_json(value: Any) -> str:
    """NaN, infinity and lone surrogates too, as a stranger writes them."""
    return json.dumps(value)
