"""Write docs/settings.md from what `lander_rl.settings()` says.

python docs/make_settings.py

A test fails where the page is not what this writes, so a setting cannot be added without its line there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lander_rl

PAGE = Path(__file__).with_name("settings.md")

_HEAD = """# Settings

Every setting of a training run: its type, its default, and what it means. `python docs/make_settings.py`
writes this page from [config.py](../trainer/lander_trainer/config.py); edit the docstrings there.

Change a setting with `lander train --set NAME=VALUE`, or `lander_rl.train(NAME=VALUE)` in Python, where
`lander_rl.settings("NAME")` shows the same lines. A preset has values of its own
([presets](../trainer/lander_trainer/preset_files)). The defaults below are used where the preset has none.
A run keeps all its settings in `config.toml`. What the settings are worth on LunarLander was measured:
[training.md](training.md#what-each-setting-is-worth). SB3 is Stable-Baselines3.

| setting | type | range | default | name in SB3 | meaning |
|---|---|---|---|---|---|
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
    rows = [
        _row(
            f"`{setting.name}`",
            setting.type,
            "" if setting.range is None else "{:,.12g} to {:,.12g}".format(*setting.range),
            _default(setting.default),
            setting.stable_baselines or "",
            setting.meaning,
        )
        for setting in lander_rl.settings()
    ]
    return _HEAD + "\n".join(rows) + "\n" + _SOURCES


def _default(value: Any) -> str:
    """As `--set` takes it."""
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
