"""Typed reads from untrusted JSON: the right type is read, anything else is refused by name."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime import InputRefused
from lander_runtime.json_data.fields import Fields

PROPERTY = settings(settings.get_profile("lander"), max_examples=200)

READERS: dict[str, Callable[[Fields, str], Any]] = {
    "a string": Fields.text,
    "true or false": Fields.boolean,
    "an integer": Fields.integer,
    "a number": Fields.number,
    "a list": Fields.items,
    "an object": Fields.mapping,
}


def test_what_has_the_right_type_is_read() -> None:
    fields = Fields.parse(
        '{"text": "é", "flag": false, "count": 3, "share": 0.1, "whole": 2, "list": [1, "a"],'
        ' "shape": [2, 3], "object": {"a": null}, "child": {"deep": 1}, "nothing": null}',
        "file",
    )
    assert fields.text("text") == "é"
    assert fields.boolean("flag") is False
    assert fields.integer("count") == 3
    assert fields.number("share") == 0.1
    assert type(fields.number("whole")) is float
    assert fields.items("list") == [1, "a"]
    assert fields.shape("shape") == (2, 3)
    assert fields.mapping("object") == {"a": None}
    assert fields.child("child").integer("deep") == 1
    assert fields.optional_integer("nothing") is fields.optional_integer("absent") is None
    assert fields.optional_number("nothing") is fields.optional_number("absent") is None
    assert fields.optional_integer("count") == 3
    assert fields.optional_number("share") == 0.1


@pytest.mark.parametrize("expected", READERS)
def test_a_missing_entry_is_named(expected: str) -> None:
    with pytest.raises(InputRefused, match=rf"^file: the entry 'size' is missing; expected {expected}"):
        READERS[expected](Fields({}, "file"), "size")


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("a string", 1),
        ("a string", None),
        ("true or false", 1),
        ("true or false", "true"),
        ("an integer", 1.0),
        ("an integer", True),
        ("an integer", "1"),
        ("a number", "1"),
        ("a number", None),
        ("a list", "ab"),
        ("a list", {}),
        ("an object", []),
    ],
)
def test_an_entry_of_another_type_is_named_and_shown(expected: str, value: Any) -> None:
    with pytest.raises(InputRefused, match=r"^file: 'size' should be ") as found:
        READERS[expected](Fields({"size": value}, "file"), "size")
    assert str(found.value) == f"file: 'size' should be {expected}, found {value!r}."


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), True, 10**400], ids=lambda value: repr(value)[:5]
)
def test_a_number_is_finite(value: float) -> None:
    with pytest.raises(InputRefused, match=r"^file: 'size' should be a finite number"):
        Fields({"size": value}, "file").number("size")
    with pytest.raises(InputRefused, match="'size'"):
        Fields({"size": value}, "file").optional_number("size")


@pytest.mark.parametrize("value", [[0], [-1], [1.0], [True], ["1"], [None], [[1]], 3])
def test_a_shape_is_positive_integers(value: Any) -> None:
    with pytest.raises(InputRefused, match=r"^file: 'shape' should be a list"):
        Fields({"shape": value}, "file").shape("shape")


def test_a_child_says_where_it_is() -> None:
    child = Fields({"space": {"shape": "8"}}, "file").child("space")
    with pytest.raises(InputRefused, match=r"^file: space: 'shape' should be"):
        child.shape("shape")


def test_a_long_value_is_cut_short() -> None:
    with pytest.raises(InputRefused) as found:
        Fields({"size": "x" * 10_000}, "file").integer("size")
    assert len(str(found.value)) < 200


@pytest.mark.parametrize(
    "text",
    ["", "{", "nan", "'a'", "{'a': 1}", '{"a": 1,}', "[" * 100_000, '{"a": ' * 50_000, "1" * 5_000],
    ids=lambda text: repr(text[:10]),
)
def test_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match=r"^file: not valid JSON") as found:
        Fields.parse(text, "file")
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    ("text", "found"), [("[]", "list"), ("null", "NoneType"), ('"a"', "str"), ("1", "int")]
)
def test_json_that_is_no_object_is_refused(text: str, found: str) -> None:
    with pytest.raises(InputRefused, match=rf"^file: expected a JSON object, found {found}"):
        Fields.parse(text, "file")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know_are_refused(number: str) -> None:
    """Python's parser accepts them, but written again they would not be JSON."""
    with pytest.raises(InputRefused, match=rf"^file: not valid JSON .*{number}"):
        Fields.parse(f'{{"deep": [{{"size": {number}}}]}}', "file")


@PROPERTY
@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        fields = Fields.parse(text, "file")
    except InputRefused:
        return
    assert isinstance(fields.data, dict)


@pytest.mark.parametrize("text", [r'{"a": "\ud800"}', r'{"\uDC00": 1}', r'{"a": [{"b": "x\udfff"}]}'])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="file: not valid JSON"):
        Fields.parse(text, "file")
    assert Fields.parse(r'{"a": "\ud83d\ude80"}', "file").text("a") == "🚀"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_what_is_nested_too_deeply_is_refused(opening: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    deep = '{"entry": ' + opening * 64 + "1" + closing * 64 + "}"
    with pytest.raises(InputRefused, match="more than 64 lists and objects in each other"):
        Fields.parse(deep, "here")
    Fields.parse('{"entry": ' + opening * 63 + "1" + closing * 63 + "}", "here")


def test_brackets_inside_texts_are_not_counted() -> None:
    text = '{"entry": "' + "[" * 1000 + '\\"{' + '"}'
    assert Fields.parse(text, "here").text("entry") == "[" * 1000 + '"{'
