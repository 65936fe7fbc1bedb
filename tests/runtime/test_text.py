"""Texts of strangers, as messages repeat them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.text import (
    escaped,
    json_text,
    markdown_code,
    markdown_line,
    markdown_text,
    quoted,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "''"),
        ("head.bias", "'head.bias'"),
        ("\u4f4d", "'\u4f4d'"),
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        ("\u202eabc\x9b", r"'\u202eabc\x9b'"),
        ("it's", '"it\'s"'),
        ("x" * 61, f"'{'x' * 60}...'"),
    ],
)
def test_a_name_is_quoted_escaped_and_cut(text: str, expected: str) -> None:
    assert quoted(text) == expected


@settings(settings.get_profile("lander"))
@given(st.text(max_size=300))
def test_whatever_the_text_it_is_one_short_line(text: str) -> None:
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 125
    assert escaped(text).isprintable()


def test_what_is_printable_stays() -> None:
    assert escaped("a \u4f4d 'b'") == "a \u4f4d 'b'"
    assert escaped("a\x1bb") == r"a\x1bb"


@settings(settings.get_profile("lander"))
@given(st.text(max_size=1000), st.integers(1, 300))
def test_a_shortened_text_is_one_line_of_at_most_that_length(text: str, longest: int) -> None:
    shown = shortened(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest
    if text.isprintable() and len(text) <= longest:
        assert shown == text


@pytest.mark.parametrize(
    "text",
    [
        "[256]", "[16, 32]", "{'frame_skip': 3}", "[{'name': 'a_b', 'kwargs': {'key': 'screen'}}]",
        "0.001", "None",
        "Linux x86_64", "2026-11-23T13:02:56+00:00", "torch 2.13.0+cpu", "x (10 m from the pad)", "m/s²",
        "MIT", "PPO", "rollout_steps",
    ],
)  # fmt: skip
def test_what_means_nothing_in_markdown_stays_as_it_is(text: str) -> None:
    assert markdown_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>&", "&lt;b&gt;&amp;"),
        ("a|b", r"a\|b"),
        ("`a`", r"\`a\`"),
        ("**a**", r"\*\*a\*\*"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("    code", "code"),
        ("[a](b)", r"\[a\]\(b\)"),
        ("[a]: b", r"\[a\]\: b"),
        ("see http://a.b", r"see http\:\/\/a\.b"),
        ("www.a.b", r"www\.a\.b"),
        ("_a_", r"\_a\_"),
        ("a\n\n# b", r"a\# b"),
        ("Q" * 300, "Q" * 199 + "…"),
    ],
)
def test_markup_is_text_in_markdown(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


def test_a_span_and_a_line_of_code_cannot_be_ended() -> None:
    assert markdown_code("a`b``c|d\n\ne") == "a'b''c¦de"
    assert markdown_line("lander train `a`\n\n# b") == "lander train `a`# b"


@settings(settings.get_profile("lander"))
@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_printable_and_means_the_same(data: object) -> None:
    text = json_text(data)
    assert text.isprintable()
    assert json.loads(text) == data
    assert json.loads(json_text(data, indent=2)) == data


def test_json_keeps_what_is_printable() -> None:
    assert (
        json_text({"m²": "é\x1b\x7f\x9b\u202e\U000e0041"})
        == '{"m²": "é\\u001b\\u007f\\u009b\\u202e\\udb40\\udc41"}'
    )
