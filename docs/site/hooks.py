"""What MkDocs cannot do by itself for this site. MkDocs calls the functions `on_*`; see its page on hooks.

- Pages link to files outside docs/, as they must on a code host. Each of these files is part of the site,
  under source/, and the links lead there; a folder becomes a page with links to its files.
- Where a link's text is the name of a page's file, the site has the page's title, as its menu has.
- The home page begins with README.md's first lines.
- Formulas become MathML here, so that the site needs no script from elsewhere.
- The page of `make browser` is shown in fly.md, where it was built.
"""

import html
import importlib
import logging
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "source"
"""The folder of the site for files outside docs/."""

PLAYER = ROOT / "build" / "browser" / "lander.html"

_FIT = (
    "const page = this.contentDocument; if (page) new ResizeObserver(() => "
    "{ this.style.height = Math.ceil(page.body.getBoundingClientRect().height) + 'px' }).observe(page.body)"
)
"""Gives the frame the height of the page in it, whenever that changes."""

_AS_THEY_ARE = (".gif", ".ipynb", ".json", ".png")
"""Files that a browser shows or saves by itself; others become pages."""

_KINDS = {
    ".c": "c", ".cpp": "cpp", ".css": "css", ".h": "cpp", ".hpp": "cpp", ".html": "html", ".js": "javascript",
    ".py": "python", ".toml": "toml", ".ts": "typescript",
}  # fmt: skip
"""Of source files, how a page colours them."""

_LOG = logging.getLogger("mkdocs.hooks.lander")
"""A warning ends a strict build."""

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
_FILE_NAME = re.compile(r"\[(?:[\w-]+/)*[\w-]+\.md(\]\((?!https?:)([^)\s#]+\.md)(?:#[^)\s]*)?\))")
_CODE = re.compile(r"(^```.*?^```$|^(?:    [^\n]*\n)+|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\$(?=[^\s$`])((?:[^$\n]|\n(?!\n))+?)(?<=[^\s$])\$(?!\d)")
_TORN = re.compile(r"^<math[^>]* display=\"inline\".*$", re.MULTILINE)

_PYTHON = {
    "lander_rl": "One function for each command.",
    "lander_runtime": "Opens and runs policies, with NumPy and ONNX Runtime alone.",
    "lander_simulator": "LunarLander's physics for training, many at once.",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the files that pages link to and that lie outside docs/, and the pages that are made here."""
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        _add(files, config, ROOT / name)
    for page in list(files.documentation_pages()):
        text = page.content_string
        folder = _folder_in_repository(page.src_uri)
        for target, _ in _LINK.findall(text):
            if (path := _outside(ROOT / folder / target)) is not None:
                _add(files, config, path)
    for package, what in _PYTHON.items():
        names = [name for name in importlib.import_module(package).__all__ if name[0] != "_"]
        members = "\n".join(f"::: {package}.{name}" for name in sorted(names, key=str.swapcase))
        files.append(
            File.generated(config, f"python/{package}.md", content=f"# {package}\n\n{what}\n\n{members}\n")
        )
    files.append(File.generated(config, "fly.md", content=_fly(files, config)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links to files outside docs/ into source/, and turn formulas into MathML."""
    del config, files
    uri = page.file.src_uri
    text = _converted(markdown, _folder_in_repository(uri), uri)
    return _home(text) if uri == "README.md" else text


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Warn of a formula that stands outside its sentence's paragraph."""
    del config, files
    for line in _TORN.findall(html):
        _LOG.warning("%s: a formula in a sentence begins a block: %.80s", page.file.src_uri, line)
    return html


def _converted(markdown: str, folder: str, page: str) -> str:
    """Text of a file in `folder` of the repository, as the site's `page` shows it."""
    parts = _CODE.split(markdown)
    # Every second part is code, which stays as it is.
    parts[::2] = [_formulas(_links(part, folder, page)) for part in parts[::2]]
    return "".join(parts)


def _title(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return next((line[2:] for line in text.splitlines() if line.startswith("# ")), None)


def _home(index: str) -> str:
    """README.md up to what is typed to install it, then the index of pages."""
    beginning, _, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Install\n")
    install = rest.partition("\n\n|")[0]
    first = _converted(f"{beginning}\n## Install\n{install}\n\n", "", "README.md")
    return first + index.removeprefix("# Documentation\n").lstrip()


def _fly(files: Files, config: Any) -> str:
    if not PLAYER.is_file():
        return "# Fly it here\n\nThe page is shown here where `make browser` has built it.\n"
    files.append(File.generated(config, "play.html", abs_src_path=str(PLAYER)))
    return (
        "---\nhide: [navigation, toc]\n---\n\n"
        "# Fly it here\n\nThe policy that ships, with Gymnasium's physics, in your browser: "
        "[how that works](browser.md).\n\n"
        f'<iframe class="player" src="play.html" title="LunarLander" onload="{_FIT}"></iframe>\n'
    )


def _add(files: Files, config: Any, path: Path) -> None:
    """Make `path` part of the site: a file as it is, a folder as a page with its files."""
    uri, name = _uri(path), path.relative_to(ROOT).as_posix()
    if files.get_file_from_path(uri) is not None:
        return

    def add(**content: str) -> None:
        files.append(File.generated(config, uri, inclusion=InclusionLevel.NOT_IN_NAV, **content))

    if path.suffix in _AS_THEY_ARE:
        add(abs_src_path=str(path))
    elif path.is_dir():
        shown = (".md", *_AS_THEY_ARE, *_KINDS)
        entries = [
            entry
            for entry in sorted(path.iterdir())
            if entry.name[0] not in "._" and (entry.is_dir() or entry.suffix in shown)
        ]
        folder = posixpath.dirname(uri)
        listed = (
            f"- [{entry.name}]({posixpath.relpath(_uri(entry), folder)}){_what_for(entry)}"
            for entry in entries
        )
        add(content=f"# {name}/\n\n" + "\n".join(listed) + "\n")
        for entry in entries:
            _add(files, config, entry)
    elif path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
        add(content=text)
        for target, _ in _LINK.findall(text):
            if (linked := _outside(path.parent / target)) is not None:
                _add(files, config, linked)
    else:
        text = path.read_text(encoding="utf-8")
        add(content=f"# {path.name}\n\n`{name}`\n\n````{_KINDS.get(path.suffix, '')}\n{text}\n````\n")


def _what_for(path: Path) -> str:
    """What a folder's README.md or a script says first about itself, for a list; else nothing."""
    if path.is_dir():
        said = _title(path / "README.md")
    else:
        found = (
            re.match(r'"""(.+?)\.?(?:"""|\n)', path.read_text(encoding="utf-8"))
            if path.suffix == ".py"
            else None
        )
        said = found and found[1]
    return f": {said}" if said else ""


def _outside(path: Path) -> Path | None:
    """`path` where it is a file or folder of the repository that is no page of docs/, else None."""
    path = Path(os.path.normpath(path))
    if not path.exists() or not path.is_relative_to(ROOT):
        return None
    return path if not path.is_relative_to(ROOT / "docs") or path.suffix == ".py" else None


def _uri(path: Path) -> str:
    """Where a file that is `_outside` lies in the site."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return f"{SOURCE}/{name}/index.md"
    return f"{SOURCE}/{name}" if path.suffix in (".md", *_AS_THEY_ARE) else f"{SOURCE}/{name}.md"


def _folder_in_repository(uri: str) -> str:
    """The folder that the links of a page are relative to."""
    return posixpath.dirname(uri.removeprefix(f"{SOURCE}/") if uri.startswith(SOURCE) else f"docs/{uri}")


def _links(text: str, folder: str, page: str) -> str:
    def lead(match: re.Match[str]) -> str:
        path = Path(os.path.normpath(ROOT / folder / match[1]))
        if (outside := _outside(path)) is not None:
            uri = _uri(outside)
        elif path.is_relative_to(ROOT / "docs"):
            uri = path.relative_to(ROOT / "docs").as_posix()
        else:
            return match[0]  # MkDocs says that it leads nowhere.
        return f"]({posixpath.relpath(uri, posixpath.dirname(page) or '.')}{match[2] or ''})"

    def title(match: re.Match[str]) -> str:
        return f"[{_title(ROOT / folder / match[2]) or match[2]}{match[1]}"

    return _LINK.sub(lead, _FILE_NAME.sub(title, text))


def _formulas(text: str) -> str:
    text = _DISPLAY.sub(lambda match: f"\n{_mathml(match[1], 'block')}\n", text)
    return _INLINE.sub(lambda match: _mathml(match[1], "inline"), text)


def _mathml(latex: str, display: str) -> str:
    formula = convert(html.unescape(" ".join(latex.split())), display=display)
    # Markdown takes a <math> that begins a line for a block of its own, and would end the paragraph there.
    return formula if display == "block" else f"<span>{formula}</span>"
