"""Makes the notebooks from the scripts beside this file: `python examples/notebook/make_notebooks.py`.

A script holds the cells in the percent format, which VS Code, Spyder and PyCharm run as they are:

    # %% [markdown]       text, each line after `# `
    # %%                  code
    # %% hidden           code that is folded at first, such as an answer
    # %% parameters       code with that tag, so that a program can put other values in its place

The notebooks are committed, so that GitHub and Colab open them. They have no results, so that a change of
them reads as a change of text. Apart from the packages, because only people with a checkout make notebooks.
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NAMES = ("lander", "exercises")

_MARK = re.compile(r"^# %%(?: (.+))?$", re.MULTILINE)
_HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}
"""Folded in JupyterLab and in Colab."""


def main() -> None:
    """Write every notebook beside its script."""
    for name in NAMES:
        path = FOLDER / f"{name}.ipynb"
        path.write_text(notebook_of((FOLDER / f"{name}.py").read_text(encoding="utf-8")), encoding="utf-8")
        print(path)


def notebook_of(script: str) -> str:
    """The notebook of a script as the text of its file."""
    _, *parts = _MARK.split(script)
    kinds, sources = parts[::2], parts[1::2]
    cells = [
        _cell(number, kind or "", source.strip("\n"))
        for number, (kind, source) in enumerate(zip(kinds, sources, strict=True), 1)
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    if kind == "[markdown]":
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.splitlines())
        return {"cell_type": "markdown", "id": f"text-{number}", "metadata": {}, "source": _lines(text)}
    metadata = {"": {}, "hidden": _HIDDEN, "parameters": {"tags": ["parameters"]}}[kind]
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"code-{number}",
        "metadata": metadata,
        "outputs": [],
        "source": _lines(source),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    main()
