"""Damaged files, by chance and with care: refused, or the model that the onnx package reads."""

import random
from collections.abc import Callable

import pytest

from lander_runtime.errors import InputRefused
from lander_runtime.graphs import protobuf, schema
from onnx_bytes import TINY, varint, written
from onnx_reference import CHILDREN, as_onnx_reads_it, rewritten


def spoil_bytes(data: bytes, generator: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(generator.randint(1, 3)):
        start = generator.randrange(len(spoilt))
        spoilt[start : start + generator.randint(0, 2)] = generator.randbytes(generator.randint(0, 2))
    return bytes(spoilt)


def spoil_fields(data: bytes, generator: random.Random, message: schema.Schema = schema.MODEL) -> bytes:
    """One change to one field at any depth, the lengths around it put right: what a careful stranger does."""
    parts = list(protobuf.fields(memoryview(data), protobuf.Budget(100_000)))
    if not parts:
        return data
    at = generator.randrange(len(parts))
    number, wire, value = parts[at]
    child = CHILDREN.get((message.name, message.fields[number].name))
    before, after = (b"".join(written(*part) for part in some) for some in (parts[:at], parts[at + 1 :]))
    whole = written(*parts[at])
    if child is not None and not isinstance(value, int) and generator.random() < 0.85:
        return before + written(number, wire, spoil_fields(bytes(value), generator, child)) + after
    tag = len(varint(number << 3 | wire))
    changed = [
        b"",
        whole + whole,
        varint((number << 3 | wire) + (1 << generator.choice([32, 33, 40, 63]))) + whole[tag:],
        bytes([whole[0] | 0x80, *([0] if tag == 1 else [])]) + whole[1:],
        varint(number << 3 | generator.randrange(8)) + whole[tag:],
        written(generator.randint(1, 30), wire, value),
        written(number, protobuf.VARINT, generator.choice([0, 1, 7, 2**31, 2**32 + 1, 2**63, 2**64 - 1])),
        written(number, protobuf.BYTES, generator.randbytes(generator.randint(0, 9))),
    ]
    return before + generator.choice(changed) + after


@pytest.mark.parametrize("spoil", [spoil_bytes, spoil_fields])
@pytest.mark.parametrize(
    "name", ["cleanrl-agent-opset11.onnx", "sb3-ppo-discrete.onnx", "tiny-continuous.onnx"]
)
def test_damage_is_refused_or_read_as_onnx_reads_it(name: str, spoil: Callable[..., bytes]) -> None:
    content = TINY.with_name(name).read_bytes()
    generator = random.Random(17)
    refused = accepted = 0
    for _ in range(600):
        spoilt = spoil(content, generator)
        try:
            again = rewritten(spoilt)
        except InputRefused as error:
            assert str(error).startswith("it.onnx: ")
            assert str(error).isprintable()
            refused += 1
        else:
            assert again == as_onnx_reads_it(spoilt)
            accepted += 1
    assert refused > 50
    assert accepted > 50
