"""The site of `make docs` has every page; `mkdocs build --strict` checks the rest."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_navigation_names_every_page_of_docs() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)$", text.partition("\nnav:")[2], re.MULTILINE)
    assert len(listed) == len(set(listed))
    made = {"fly.md", *(page for page in listed if page.startswith(("source/", "python/")))}
    assert set(listed) - made == {page.name for page in (ROOT / "docs").glob("*.md")}
