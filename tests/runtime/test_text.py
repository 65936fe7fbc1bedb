"""Texts of strangers, as messages repeat them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.text import escaped, quoted


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
