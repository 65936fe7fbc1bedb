"""Write docs/settings.md from the settings' own types, defaults and docstrings.

python docs/make_settings.py

A test fails where the page is not what this writes, so a setting cannot be added without its line there.
"""

import ast
import dataclasses
import inspect
import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lander_trainer.config import TrainConfig

PAGE = Path(__file__).with_name("settings.md")

_HEAD = """# Settings

Every setting of a training run: its type, its default, and what it means. `python docs/make_settings.py`
writes this page from [config.py](../trainer/lander_trainer/config.py); edit the docstrings there.

Change a setting with `lander train --set NAME=VALUE`. A preset has values of its own
([presets](../trainer/lander_trainer/preset_files)). The defaults below are used where the preset has none.
A run keeps all its settings in `config.toml`. What the settings are worth on LunarLander was measured:
[training.md](training.md#what-each-setting-is-worth).

| setting | type | default | meaning |
|---|---|---|---|
"""

_SOURCES = """
## Sources

| mark | paper |
|---|---|
| S17 | Schulman et al. 2017, *Proximal Policy Optimization Algorithms*, [arXiv:1707.06347](https://arxiv.org/abs/1707.06347) |
| S16 | Schulman et al. 2016, *Generalized Advantage Estimation*, [arXiv:1506.02438](https://arxiv.org/abs/1506.02438) |
| A21 | Andrychowicz et al. 2021, *What Matters In On-Policy RL?*, [arXiv:2006.05990](https://arxiv.org/abs/2006.05990); C with a number is a choice in it |
| E20 | Engstrom et al. 2020, *Implementation Matters in Deep Policy Gradients*, [arXiv:2005.12729](https://arxiv.org/abs/2005.12729) |

[ppo.md](ppo.md) explains the formulas.
"""  # noqa: E501, a table's row is one line


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """The page as Markdown; the same settings give the same text."""
    meanings = _docstrings(TrainConfig)
    rows = [
        _row(f"`{field.name}`", _type(field), _default(field), meanings[field.name])
        for field in dataclasses.fields(TrainConfig)
    ]
    return _HEAD + "\n".join(rows) + "\n" + _SOURCES


def _docstrings(of: type) -> dict[str, str]:
    """The string under each field of a dataclass, in one line."""
    [body] = [node.body for node in ast.parse(inspect.getsource(of)).body if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            # A field without a docstring must not pass unseen.
            assert isinstance(below, ast.Expr), field.target.id
            assert isinstance(below.value, ast.Constant), field.target.id
            found[field.target.id] = re.sub(r"\s+", " ", str(below.value.value))
    return found


def _type(field: dataclasses.Field[Any]) -> str:
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    for pattern, word in (
        (r"typing\.|lander_runtime\.spec\.|collections\.abc\.", ""),
        (r"Literal\[(.*)\]", r"\1"),
        (r"tuple\[int, \.\.\.\]", "whole numbers"),
        (r"tuple\[WrapperSpec, \.\.\.\]", "wrappers"),
        (r"Mapping\[str, Any\]", "table"),
        (r" \| None", " or none"),
        (r"\bint\b", "whole number"),
        (r"\bfloat\b", "number"),
        (r"\bstr\b", "text"),
        (r"\bbool\b", "true or false"),
        (r"'(\w+)'", r"`\1`"),
    ):
        kind = re.sub(pattern, word, kind)
    return kind


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    if isinstance(value, Mapping):
        return f"`{json.dumps(dict(value))}`"
    return f"`{value:_}`" if isinstance(value, int) else f"`{value}`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
