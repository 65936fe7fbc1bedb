"""Tables and lines that show themselves, whatever text is in them."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lander_rl.showing import Listing
from lander_runtime.files import picture_as_html
from lander_runtime.text import aligned, html_table

COLUMNS = {"name": lambda item: item[0], "value": lambda item: item[1]}


def test_a_listing_is_a_tuple_and_a_table() -> None:
    listing = Listing.of([("a", "1"), ("long", "2")], COLUMNS)
    assert listing == (("a", "1"), ("long", "2"))
    assert repr(listing) == "name  value\na     1\nlong  2"
    assert listing._repr_html_().count("<tr>") == 3


def test_an_item_may_have_several_rows() -> None:
    listing = Listing.of(["ab", "c"], {"letter": str.upper}, rows=list)
    assert listing == ("ab", "c")
    assert repr(listing) == "letter\nA\nB\nC"


def test_an_empty_one_says_so() -> None:
    assert repr(Listing.of([], COLUMNS)) == "(nothing)"


def test_long_cells_are_cut() -> None:
    assert max(map(len, repr(Listing.of([("a", "x" * 1000)], COLUMNS)).splitlines())) < 100


def test_a_path_is_never_cut() -> None:
    path = Path("x" * 1000)
    assert str(path) in repr(Listing.of([("a", path)], COLUMNS))


@given(st.text())
def test_any_text_is_harmless(text: str) -> None:
    for shown in (aligned([("name", text)]), repr(Listing.of([("a", text)], COLUMNS)).partition("\n")[2]):
        assert all(character.isprintable() for character in shown)
    for page in (html_table([("name", text)]), Listing.of([("a", text)], COLUMNS)._repr_html_()):
        assert page.count("<td") in (1, 2)
        assert page.count("<") == page.count(">")


def test_only_pictures_are_shown(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    assert picture_as_html(tmp_path / "a.txt", "text") == ""
    assert picture_as_html(tmp_path / "missing.png", "none") == ""
    assert picture_as_html(None, "none") == ""
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    assert 'alt="&lt;b&gt;"' in picture_as_html(tmp_path / "a.png", "<b>")
