"""`export`: what it takes, what it returns, how that shows itself."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lander_rl import Exported, InputRefused, UsageError, export
from lander_runtime import Policy


@pytest.fixture(scope="module")
def exported(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Into a folder with a hostile name."""
    folder = tmp_path_factory.mktemp("exported") / "<b>&"
    folder.mkdir()
    return export(trained.run, folder / "policy.onnx", episodes=2, gif=True)


def test_it_tells_what_it_wrote(exported: Exported) -> None:
    assert exported.policy.is_file()
    assert exported.card.is_file()
    assert exported.gif is not None
    assert exported.gif.is_file()
    assert exported.report is not None
    assert exported.info.evaluation == exported.report.summary
    assert exported.to_json()["evaluation"]["episodes"] == 2


def test_it_opens_the_policy(exported: Exported) -> None:
    policy = exported.open("cpu")
    assert isinstance(policy, Policy)
    assert policy.info == exported.info


def test_it_shows_itself(exported: Exported) -> None:
    names = [line.split("  ")[0] for line in repr(exported).splitlines()]
    assert names == ["policy", "verified", "score", "card", "animation"]
    page = re.sub(r"data:[^\"]*", "", exported._repr_html_())
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "data:image/gif;base64," in exported._repr_html_()


def test_without_a_source_the_newest_run(trained: Any) -> None:
    for name, when in (("001", 1_700_000_000), ("002", 1_600_000_000)):
        folder = Path("runs/CartPole-v1") / name
        shutil.copytree(trained.run.path, folder)
        os.utime(folder / "checkpoint.safetensors", (when, when))
    made = export(episodes=0, gif=False)
    assert made.policy == Path("runs/CartPole-v1/001/policy.onnx")
    assert (made.gif, made.report) == (None, None)


def test_without_a_run_it_says_so() -> None:
    with pytest.raises(InputRefused, match="no run under runs/"):
        export()


def test_options_of_a_state_dict_do_not_go_with_a_run(trained: Any) -> None:
    with pytest.raises(UsageError, match="state dicts"):
        export(trained.run, env="CartPole-v1")
