"""The wire format: what is written is read again, and a number has one spelling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.graphs import protobuf
from lander_runtime.graphs.protobuf import Budget, Malformed, fields, signed, varint_arrays, varints
from onnx_bytes import varint

PROPERTY = settings(settings.get_profile("lander"))

INT64 = st.integers(-(2**63), 2**63 - 1)


def read(data: bytes, budget: int = 1000) -> list[tuple[int, int, object]]:
    found = fields(memoryview(data), Budget(budget))
    return [(number, wire, v if isinstance(v, int) else bytes(v)) for number, wire, v in found]


@PROPERTY
@given(st.integers(1, 2**29 - 1), INT64)
def test_an_integer_is_read_as_it_was_written(number: int, value: int) -> None:
    [(found, wire, read_value)] = read(protobuf.integer(number, value))
    assert isinstance(read_value, int)
    assert (found, wire, signed(read_value)) == (number, protobuf.VARINT, value)


@PROPERTY
@given(st.integers(1, 2**29 - 1), st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_bytes_are_read_as_they_were_written(number: int, value: bytes, four: bytes) -> None:
    inner = [*protobuf.content(number, value), protobuf.fixed32(number, four)]
    [(_, _, whole)] = read(b"".join(protobuf.message(number, inner)))
    assert whole == b"".join(inner)
    assert read(whole) == [(number, protobuf.BYTES, value), (number, protobuf.FIXED32, four)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, b"\x00"),
        (1, b"\x01"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (150, b"\x96\x01"),  # The example of protobuf's own page.
        (-1, b"\xff" * 9 + b"\x01"),
        (-(2**63), b"\x80" * 9 + b"\x01"),
        (2**63 - 1, b"\xff" * 8 + b"\x7f"),
    ],
)
def test_integers_of_protobufs_own_page(value: int, written: bytes) -> None:
    assert varint(value) == written


@PROPERTY
@given(st.lists(INT64, max_size=300))
def test_many_integers_are_read_alike_one_by_one_and_at_once(values: list[int]) -> None:
    packed = memoryview(b"".join(map(varint, values)))
    assert list(map(signed, varints(packed, Budget(1000)))) == values
    found = [array.view(np.int64) for array in varint_arrays(packed, Budget(1000))]
    assert [int(value) for array in found for value in array] == values


def test_more_integers_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are cut between numbers, whatever their lengths."""
    values = [(-3) ** (i % 40) for i in range(1000)]
    monkeypatch.setattr(protobuf, "_NUMBERS_AT_ONCE", 64)
    arrays = list(varint_arrays(memoryview(b"".join(map(varint, values))), Budget(1000)))
    assert len(arrays) > 50
    assert np.concatenate(arrays).view(np.int64).tolist() == values


@PROPERTY
@given(st.binary(max_size=40))
def test_both_readers_of_integers_refuse_the_same(data: bytes) -> None:
    try:
        expected = varints(memoryview(data), Budget(100))
    except Malformed:
        with pytest.raises(Malformed):
            list(varint_arrays(memoryview(data), Budget(100)))
    else:
        assert [
            int(value) for array in varint_arrays(memoryview(data), Budget(100)) for value in array
        ] == expected
        assert b"".join(map(varint, expected)) == data, "each number has one spelling"


@PROPERTY
@given(st.binary(max_size=60))
def test_what_is_read_is_the_only_way_to_write_it(data: bytes) -> None:
    try:
        found = read(data)
    except Malformed:
        return
    again = b""
    for number, wire, value in found:
        if wire == protobuf.VARINT:
            assert isinstance(value, int)
            again += protobuf.integer(number, value)
        elif wire == protobuf.BYTES:
            assert isinstance(value, bytes)
            again += b"".join(protobuf.content(number, value))
        else:
            assert isinstance(value, bytes)
            again += varint(number << 3 | wire) + value
    assert again == data


OVERLONG = [
    b"\x80\x00",
    b"\x81\x00",
    b"\x81\x80\x00",
    b"\xff" * 8 + b"\xff\x00",
]
TOO_LARGE = [b"\xff" * 9 + b"\x02", b"\xff" * 9 + b"\x7f", b"\x80" * 10 + b"\x01", b"\xff" * 20]
CUT_OFF = [b"\x80", b"\xff" * 9, b"\xff"]


@pytest.mark.parametrize("number", [*OVERLONG, *TOO_LARGE, *CUT_OFF], ids=bytes.hex)
def test_a_number_in_any_other_spelling_is_refused(number: bytes) -> None:
    """As a value, as a length, in a packed field by either reader."""
    for data in (b"\x08" + number, b"\x0a" + number):
        with pytest.raises(Malformed):
            read(data)
    with pytest.raises(Malformed):
        varints(memoryview(number), Budget(100))
    with pytest.raises(Malformed):
        list(varint_arrays(memoryview(number), Budget(100)))


@pytest.mark.parametrize(
    "tag",
    [
        varint((1 << 3) + 2**32),  # Field 1 to a reader that keeps 32 bits.
        varint((1 << 3) + 2**35),
        varint((1 << 3) + 2**63),
        b"\x88\x00",  # Field 1, written longer than it is.
        b"\x88\x80\x80\x80\x80\x00",
        varint(0),  # Field 0, which there is not.
        varint(2**32 + 0),
        varint(1 << 32),
    ],
    ids=bytes.hex,
)
def test_a_tag_that_readers_could_take_for_another_is_refused(tag: bytes) -> None:
    with pytest.raises(Malformed):
        read(tag + b"\x01")


@pytest.mark.parametrize("wire", [3, 4, 6, 7])
def test_groups_and_wire_types_that_there_are_not_are_refused(wire: int) -> None:
    with pytest.raises(Malformed, match=f"wire type {wire}"):
        read(bytes([1 << 3 | wire, 1 << 3 | 4]))


@pytest.mark.parametrize("data", [b"\x0a\x02\x00", b"\x09" + bytes(7), b"\x0d" + bytes(3), b"\x0a", b"\x08"])
def test_a_field_beyond_the_end_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="in the middle"):
        read(data)


def test_a_length_of_2_to_63_is_refused() -> None:
    with pytest.raises(Malformed):
        read(b"\x0a" + varint(-1) + b"x")


def test_fields_are_counted() -> None:
    data = protobuf.integer(1, 5) * 100
    assert len(read(data, 100)) == 100
    with pytest.raises(Malformed, match="more fields"):
        read(data, 99)
    with pytest.raises(Malformed, match="more fields"):
        varints(memoryview(bytes(100)), Budget(99))
    with pytest.raises(Malformed, match="more numbers"):
        list(varint_arrays(memoryview(bytes(100)), Budget(99, "numbers")))
