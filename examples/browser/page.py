"""Puts the page into one file that works from disk: modules as one script, style, physics and policy.

The content security policy of the page names the digests of that script and that style, so that nothing else
runs. Physics and policy are blocks of data, which no browser executes: `lander play` exchanges the policy.
Comments that stand on lines of their own are left out: a line of the page says where they can be read.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent

_IMPORT = re.compile(r"^import \{([^}]*)\} from '([^']+)';\n", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
"""Whole lines. What follows code in its line stays: it could be part of a text."""
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)


def assemble(physics: bytes, policy: Path, licence: str) -> str:
    """The page.

    Args:
        physics: lander.wasm.
        policy: the file that flies at first.
        licence: of Box2D.
    """
    script = bundle(HERE / "src" / "main.js")
    style = without_comments((HERE / "page.css").read_text("utf-8"))
    content = (
        f"default-src 'none'; script-src {_digest(script)} 'wasm-unsafe-eval'; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy of content": content,
        "style": style,
        "script": script,
        "licence": html.escape(licence.strip()),
        "settings": json.dumps({"name": policy.relative_to(HERE.parents[1]).as_posix(), "seed": None}),
        "policy": base64.b64encode(policy.read_bytes()).decode(),
        # Half of the page without compression. The time is fixed so that the same sources give the same page.
        "physics": base64.b64encode(gzip.compress(physics, mtime=0)).decode(),
    }
    template = (HERE / "page.html").read_text("utf-8")
    return re.sub(r"\{\{([a-z ]+)\}\}", lambda found: parts[found.group(1)], template)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def without_comments(text: str) -> str:
    """JavaScript or CSS without its comments on lines of their own; a word on a licence stays."""
    # Inside a text of several lines, a line that looks like a comment is none.
    assert all(line.count("`") % 2 == 0 for line in text.splitlines()), "a text of several lines"
    return _COMMENT.sub(
        lambda found: found[0] if re.search("licen[cs]e|copyright", found[0], re.I) else "", text
    )


def bundle(main: Path) -> str:
    """`main` and all modules that it imports as one script without imports.

    Each module becomes a function that runs once and returns its exports, so that the names inside it stay
    its own. Only the forms of import and export are read that the modules here use; any other is refused.
    """
    scripts: dict[Path, str] = {}
    _add(main.resolve(), scripts, ())
    *parts, last = scripts.items()
    names = [_name(path) for path, _ in parts]
    assert len(set(names)) == len(names), f"two modules have the same name: {sorted(names)}"
    wrapped = [f"const {_name(path)} = (() => {{\n{text}}})();\n" for path, text in parts]
    return "\n" + "\n".join([*wrapped, last[1]])


def _add(path: Path, scripts: dict[Path, str], importing: tuple[Path, ...]) -> None:
    if path in scripts:
        return
    assert path not in importing, f"{path.name} imports itself"
    text = path.read_text("utf-8")
    for _, target in _IMPORT.findall(text):
        _add((path.parent / target).resolve(), scripts, (*importing, path))
    text = without_comments(text)
    exported = _EXPORT.findall(text)
    text = _EXPORT.sub("", _IMPORT.sub(lambda found: _taken(found, path), text))
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE), f"{path.name}: a form that is not read"
    scripts[path] = f"{text}return {{ {', '.join(exported)} }};\n" if importing else text


def _taken(found: re.Match[str], path: Path) -> str:
    names = " ".join(found.group(1).split()).rstrip(",").replace(" as ", ": ")
    return f"const {{ {names} }} = {_name(path.parent / found.group(2))};\n"


def _name(path: Path) -> str:
    return "module_" + path.stem.replace("-", "_")
