"""Results are shown in one screen; names from a stranger cannot change the terminal or the page."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lander_rl
from lander_rl.results.report import Report
from lander_runtime import Policy, UsageError
from lander_runtime.foreign.opening import open_policy
from lander_runtime.policy.display import LARGEST_GIF
from lander_runtime.scores.words import report_rows

HOSTILE = "\x1b[31m<script>alert(1)</script>\x07&\"'\u202e"

DATA = Path(__file__).parents[1] / "data"


class Page(HTMLParser):
    """The tags of some HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def check_harmless(shown: Any) -> None:
    """Of both forms: no control character, no markup of a stranger's, the readable part still there."""
    text, html = repr(shown), shown._repr_html_()
    for one in (text, Page(html).text):
        assert all(line.isprintable() for line in one.split("\n")), repr(one)
        assert "alert(1)" in one
    assert "script" not in Page(html).tags
    assert "\x1b" not in html
    assert "<script>" not in html


@pytest.fixture
def report(policy: Policy) -> Report:
    return lander_rl.evaluate(policy, episodes=3)


@pytest.fixture
def hostile(tiny: Path) -> Path:
    name = HOSTILE.replace("/", "|") + "alert(1).onnx"
    return tiny.rename(name)


class TestPolicy:
    def test_its_lines_are_aligned_and_the_score_is_a_claim(self, tiny: Path, policy: Policy) -> None:
        heading, *lines = repr(Policy.load(tiny, "cpu")).splitlines()
        assert heading == "Policy"
        assert {line[:13] for line in lines} == {
            "file         ", "environment  ", "observation  ", "action       ", "score        ",
            "runs on      ", "sha256       ",
        }  # fmt: skip
        assert f"environment  {policy.env.id}" in lines
        assert "observation  float32 [8]" in lines
        assert "action       one of 4" in lines
        assert f"sha256       {policy.sha256}" in lines

    def test_a_score_that_is_claimed_is_called_a_claim(self) -> None:
        shown = repr(lander_rl.open_policy())
        assert re.search(r"\nscore +29\d\.\d ± .* over 10,000 episodes .*, claimed by the file\n", shown)
        assert len(shown.splitlines()) <= 12

    def test_what_was_assumed_of_a_foreign_file_is_there(self) -> None:
        shown = repr(open_policy(DATA / "cleanrl-agent.onnx", "LunarLander-v3", "cpu"))
        assert shown.startswith("ForeignPolicy\n")
        assert "\nscore        none claimed\n" in shown
        assert "\nassumed      " in shown

    def test_a_name_cannot_command_anything(self, hostile: Path) -> None:
        check_harmless(Policy.load(hostile, "cpu"))

    def test_the_gif_beside_the_file_is_shown_where_it_is_small(self, tiny: Path) -> None:
        policy = Policy.load(tiny, "cpu")
        gif = tiny.with_suffix(".gif")
        assert "img" not in Page(policy._repr_html_()).tags
        gif.write_bytes(b"GIF89a" + bytes(100))
        assert "data:image/gif;base64,R0lGODlh" in policy._repr_html_()
        gif.write_bytes(b"GIF89a" + bytes(LARGEST_GIF))
        assert "img" not in Page(policy._repr_html_()).tags
        gif.write_bytes(b"<script>")
        assert "img" not in Page(policy._repr_html_()).tags
        gif.unlink()
        gif.mkdir()
        assert "img" not in Page(policy._repr_html_()).tags


class TestReport:
    def test_it_has_the_rows_that_the_command_prints(self, report: Report) -> None:
        title, *lines = repr(report).splitlines()
        assert title == "Report of tiny-discrete.onnx in LunarLander-v3, 3 episodes from seed 1000000"
        width = max(len(name) for name, _ in report_rows(report))
        assert lines == [
            *(f"{name:<{width}}  {value}" for name, value in report_rows(report)), *report.warnings,
        ]  # fmt: skip
        assert f"report sha256             {report.sha256}" in lines

    def test_a_notebook_sees_the_figures_and_a_histogram(self, report: Report) -> None:
        html = report._repr_html_()
        page = Page(html)
        assert page.tags.count("rect") >= 2
        # The histogram, and a swatch for each outcome, the mean, its interval and the threshold.
        assert page.tags.count("svg") == 1 + page.tags.count("li")
        for name, count in report.summary.outcome_counts.items():
            assert f"{name}: {count}" in page.text
        assert "95% interval of it" in page.text
        assert "threshold 200" in page.text
        assert report.sha256 in page.text
        # Every rule is for this report alone: a notebook has a look of its own.
        rules = re.findall(r"[^{}]+(?=\{)", html[html.index("<style>") + 7 : html.index("</style>")])
        assert len(rules) > 5
        assert all(rule.strip().startswith(".lander-report") for rule in rules)

    def test_what_a_stranger_wrote_cannot_command_anything(self, report: Report) -> None:
        results = replace(report.results, outcome_names=(HOSTILE,), outcome_codes=np.zeros(3, np.uint8))
        strange = replace(
            report,
            policy_path=HOSTILE,
            results=results,
            summary=replace(report.summary, outcome_counts={HOSTILE: 3}),
            execution=replace(report.execution, engine=HOSTILE),
            remarks=(HOSTILE,),
        )
        assert isinstance(strange, Report)
        check_harmless(strange)

    def test_a_single_episode_and_a_function_are_shown_too(self) -> None:
        def coast(obs: Any) -> Any:
            return np.zeros(len(obs), np.int64)

        found = lander_rl.evaluate(coast, "LunarLander-v3", episodes=1)
        assert repr(found).startswith("Report of a function in LunarLander-v3, 1 episode from seed 1000000\n")
        assert "None" not in repr(found)
        assert "svg" in Page(found._repr_html_()).tags


class TestComparison:
    def test_tables_and_verdicts_are_in_one_screen(self, tiny: Path) -> None:
        shutil.copy(tiny, "copy.onnx")
        shown = repr(lander_rl.compare(tiny, "copy.onnx", episodes=2)).splitlines()
        assert shown[0] == "Comparison in LunarLander-v3, 2 episodes each from seed 1000000"
        assert shown[1].split()[:3] == ["policy", "mean", "return"]
        assert "copy.onnx is the same file as tiny.onnx." in shown
        assert len({len(line) for line in shown[2:4]}) == 1
        assert len(shown) < 15

    def test_names_cannot_command_anything(self, hostile: Path, policy: Policy) -> None:
        found = lander_rl.compare(policy, hostile, episodes=1)
        check_harmless(found)
        check_harmless(replace(found, names=("old", HOSTILE)))
        check_harmless(replace(found, names=("old", "new"), trained=("", HOSTILE)))

    def test_a_reader_knows_which_is_which(self, tiny: Path) -> None:
        """By the folder, its parent where folders are only numbers, and what differed in the training."""
        policies = []
        for number, changes in (("001", {"gamma": 0.99}), ("002", {"gamma": 0.9, "hidden_sizes": [8, 8]})):
            path = Path("runs/Lander", number, "policy.onnx")
            path.parent.mkdir(parents=True)
            policy = Policy.load(shutil.copy(tiny, path), "cpu")
            training = replace(policy.info.training, config=changes)
            policy.info = replace(policy.info, training=training)
            policies.append(policy)
        found = lander_rl.compare(*policies, episodes=1)
        assert found.names == ("001", "002")
        trainings = ["001 was trained with gamma 0.99", "002 was trained with gamma 0.9, hidden_sizes 8x8"]
        assert found.trainings == trainings
        for shown in (repr(found), Page(found._repr_html_()).text):
            assert all(line in shown for line in trainings)
            assert "002 is runs/Lander/002/policy.onnx" in shown
        # Nothing is known of the training of a function, or of another library's file.
        function = lander_rl.compare(
            policies[0], lambda obs: np.zeros(len(obs), np.int64), env="LunarLander-v3", episodes=1
        )
        assert function.trainings == []


class TestReplay:
    @pytest.fixture
    def kept(self, policy: Policy) -> Path:
        lander_rl.evaluate(policy, episodes=3, save_replay="r.jsonl.gz")
        return Path("r.jsonl.gz")

    def test_what_was_proved_is_shown(self, kept: Path) -> None:
        found = lander_rl.replay(kept)
        assert (found.verified, len(found.checks), found.first_divergence, found.failure) == (
            3,
            3,
            None,
            None,
        )
        assert repr(found).startswith(
            "Replay of r.jsonl.gz in LunarLander-v3\nproved         3 of 3 episodes"
        )
        assert "table" in Page(found._repr_html_()).tags

    def test_episodes_are_chosen_by_word_number_and_seed(self, kept: Path) -> None:
        seeds = {
            wanted: [check.seed for check in lander_rl.replay(kept, episodes=wanted).checks]
            for wanted in ("first", 2, (1_000_002, 1_000_000), (1_000_001,))
        }
        assert list(seeds.values()) == [
            [1_000_000], [1_000_000, 1_000_001], [1_000_000, 1_000_002], [1_000_001],
        ]  # fmt: skip
        with pytest.raises(UsageError, match="1000002"):
            lander_rl.replay(kept, episodes=[7])

    def test_pictures_are_named(self, kept: Path) -> None:
        found = lander_rl.replay(kept, gif="a.gif", size="0.5")
        assert found.drawn == (Path("a.gif"),)
        assert "drawn          a.gif" in repr(found)

    def test_a_difference_is_a_result_and_no_error(self, kept: Path, policy: Policy) -> None:
        found = lander_rl.replay(kept)
        divergence = replace_divergence(found)
        assert divergence.failure is not None
        assert "1 of 3 episodes not as in the file." in divergence.failure
        check_harmless(divergence)


def replace_divergence(found: Any) -> Any:
    """The same result with another outcome, as a stranger's environment may name it."""
    from lander_runtime.replays import Divergence

    divergence = Divergence(3, "outcome", "landed", HOSTILE, f"At step 3 it is {HOSTILE}.")
    return replace(found, verified=2, first_divergence=divergence, report=None)


class TestRecording:
    def test_a_notebook_shows_the_gif(self, tiny: Path) -> None:
        found = lander_rl.record(tiny, "a.gif", seed=1_000_001)
        assert (found.path, found.episode.seed) == (Path("a.gif"), 1_000_001)
        assert found.episode.return_ == lander_rl.evaluate(tiny, episodes=2).results.returns[1]
        assert "data:image/gif;base64," in found._repr_html_()
        assert repr(found).splitlines()[1] == "file     a.gif"
        found.path.unlink()
        assert "img" not in Page(found._repr_html_()).tags

    def test_a_notebook_plays_the_mp4(self, tiny: Path) -> None:
        pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
        found = lander_rl.record(tiny, "a.mp4")
        assert 'src="data:video/mp4;base64,' in found._repr_html_()
        assert "img" not in Page(found._repr_html_()).tags

    def test_outcomes_and_names_cannot_command_anything(self, tiny: Path) -> None:
        found = lander_rl.record(tiny, "a.gif")
        check_harmless(replace(found, path=Path(HOSTILE), episode=replace(found.episode, outcome=HOSTILE)))

    def test_what_cannot_be_recorded_is_refused(self, tiny: Path) -> None:
        with pytest.raises(UsageError, match=r"\.gif"):
            lander_rl.record(tiny, "a.avi")
        with pytest.raises(UsageError, match="expects observations"):
            lander_rl.record(tiny, "a.gif", env="CartPole-v1")
        assert not Path("a.gif").exists()
