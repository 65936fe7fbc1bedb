"""What the documentation tells people to type and to compute gives what it says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from lander_runtime import Policy, evaluate
from lander_runtime.scores.report_file import write_report
from lander_runtime.scores.shards import Shard
from lander_runtime.shipped import shipped_policies

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("shard", [None, Shard(1, 2, 1_000_000, 4)])
def test_the_recipe_for_a_reports_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: Shard | None
) -> None:
    """The code on the page, run as it stands there, beside a report.json."""
    monkeypatch.chdir(tmp_path)
    report = evaluate(Policy.load(shipped_policies()["lunarlander-v3"], "cpu"), episodes=2)
    write_report(Path("report.json"), type(report)(**{**vars(report), "shard": shard}))
    blocks = re.findall(
        r"```python\n(.*?)```", (DOCS / "evaluation.md").read_text(encoding="utf-8"), re.DOTALL
    )
    [recipe] = [block for block in blocks if "hashlib" in block]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(recipe, {})
    assert printed.getvalue().strip() == report.sha256


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if ":" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
