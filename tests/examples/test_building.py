"""How the page is put together: modules into one script, colours that can be read."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

BROWSER = Path(__file__).parents[2] / "examples" / "browser"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BROWSER))
        import page

        sys.modules.pop("page")
        return page


def test_each_module_stands_once_and_before_what_imports_it(page: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "low.js").write_text("const own = 1;\nexport const one = own;\nexport function two() {}\n")
    (tmp_path / "mid-level.js").write_text("import { one } from './low.js';\n\nexport class Three {}\n")
    (tmp_path / "main.js").write_text(
        "import { one as first,\n  two } from './low.js';\nimport { Three } from './mid-level.js';\nfirst;\n"
    )
    assert page.bundle(tmp_path / "main.js").split("\n") == [
        "",
        "const module_low = (() => {", "const own = 1;", "const one = own;", "function two() {}",
        "return { one, two };", "})();",
        "",
        "const module_mid_level = (() => {", "const { one } = module_low;", "", "class Three {}",
        "return { Three };", "})();",
        "",
        "const { one: first, two } = module_low;", "const { Three } = module_mid_level;", "first;", "",
    ]  # fmt: skip


def test_comments_on_lines_of_their_own_are_left_out(page: ModuleType, tmp_path: Path) -> None:
    text = """// What it is for.
const address = 'https://example.org'; // stays, as the address does
  /**
   * Several lines.
   */
/* one */
const divided = 6 /* three */ / 2;
/* Licence: MIT. */
// Copyright: somebody
"""
    expected = [
        "const address = 'https://example.org'; // stays, as the address does",
        "const divided = 6 /* three */ / 2;",
        "/* Licence: MIT. */",
        "// Copyright: somebody",
    ]
    assert page.without_comments(text).splitlines() == expected
    with pytest.raises(AssertionError, match="a text of several lines"):
        page.without_comments("const text = `\n// no comment\n`;\n")
    (tmp_path / "main.js").write_text("// Why.\nfirst;\n")
    assert page.bundle(tmp_path / "main.js") == "\nfirst;\n"


def test_the_page_says_where_its_sources_are_in_place_of_their_comments(built: Path) -> None:
    html = (built / "lander.html").read_text(encoding="utf-8")
    assert "examples/browser" in html.splitlines()[1]
    assert not re.search(r"^\s*(//|/\*)", html, re.MULTILINE)


@pytest.mark.parametrize("line", ["import all from './low.js';", "export default 1;", "export { x };"])
def test_a_form_that_is_not_read_is_refused(page: ModuleType, tmp_path: Path, line: str) -> None:
    (tmp_path / "main.js").write_text(line + "\n")
    with pytest.raises(AssertionError, match="a form that is not read"):
        page.bundle(tmp_path / "main.js")


def test_modules_that_import_each_other_are_refused(page: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text("import { a } from './a.js';\n")
    (tmp_path / "a.js").write_text("import { b } from './b.js';\n")
    (tmp_path / "b.js").write_text("import { a } from './a.js';\n")
    with pytest.raises(AssertionError, match="imports itself"):
        page.bundle(tmp_path / "main.js")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "paper", 4.5), ("ink", "raised", 4.5), ("soft", "paper", 4.5), ("soft", "raised", 4.5),
        ("main", "paper", 4.5), ("on-main", "main", 4.5), ("caution", "caution-paper", 4.5),
        # What is no text: edges of controls, bars.
        ("edge", "paper", 3.0), ("policy", "raised", 3.0), ("you", "raised", 3.0),
    ],
)  # fmt: skip
def test_colours_differ_enough_to_be_read(scheme: str, front: str, back: str, least: float) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11."""
    light, dark = re.findall(r":root \{(.*?)\}", (BROWSER / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", light if scheme == "light" else dark))
    bright, dim = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= least


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
