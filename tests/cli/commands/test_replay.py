"""`lander eval --save-replay` and `lander replay`: kept, proved and drawn, with the policy gone."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from PIL import Image

Lander = Callable[..., Any]
Start = Callable[..., Any]

FIRST_EVALUATION_SEED = 1_000_000


@pytest.fixture
def kept(lander: Lander, tiny: Path) -> Any:
    """The report of six episodes that `lander eval` wrote to r.jsonl.gz; the policy is deleted."""
    found = lander("eval", tiny, "--episodes", "6", "--json", "--save-replay", "r.jsonl.gz")
    assert found.code == 0
    assert found.next == "lander replay r.jsonl.gz"
    tiny.unlink()
    return json.loads(found.out)


def change(edit: Callable[[list[Any]], object], path: str = "r.jsonl.gz") -> None:
    with gzip.open(path) as file:
        lines = [json.loads(line) for line in file]
    edit(lines)
    Path(path).write_bytes(gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))


class TestProof:
    def test_people_get_every_episode_and_the_reports_digest(self, lander: Lander, kept: Any) -> None:
        found = lander("replay", "r.jsonl.gz")
        assert found.code == 0
        table, pairs = found.out.split("\n\n")
        heading, *rows = (line.strip().split(maxsplit=5) for line in table.splitlines())
        assert heading == ["episode", "seed", "return", "steps", "outcome", "here"]
        assert [row[:4] for row in rows] == [
            [str(i), str(FIRST_EVALUATION_SEED + i), f"{value:.1f}", str(length)]
            for i, (value, length) in enumerate(zip(kept["returns"], kept["lengths"], strict=True))
        ]
        assert all(row[-1].endswith("the same") for row in rows)
        lines = dict(re.split("  +", line, maxsplit=1) for line in pairs.splitlines())
        assert lines["proved"] == f"6 of 6 episodes as in the file, {sum(kept['lengths'])} steps"
        assert lines["policy sha256"] == kept["policy"]["sha256"]
        assert lines["report sha256"].startswith(kept["report_sha256"])
        assert found.next == "lander replay r.jsonl.gz --episodes worst --gif worst.gif"

    def test_json_is_one_object_of_the_schema(self, lander: Lander, kept: Any) -> None:
        found = lander("replay", "r.jsonl.gz", "--json")
        assert found.code == 0
        data = json.loads(found.out)
        assert set(data) == {
            "schema", "replay", "policy", "env", "deterministic", "first_seed", "episodes", "replayed",
            "proved", "mean_return", "report_sha256", "verdicts", "drawn", "elsewhere",
        }  # fmt: skip
        assert data["schema"] == "lander.replay-proof/1"
        assert (data["episodes"], data["replayed"], data["proved"]) == (6, 6, 6)
        assert (data["drawn"], data["elsewhere"]) == ([], [])
        for key in ("env", "deterministic", "first_seed", "mean_return", "report_sha256"):
            assert data[key] == kept[key]
        assert [check["return"] for check in data["verdicts"]] == kept["returns"]
        assert [check["divergence"] for check in data["verdicts"]] == [None] * 6

    def test_a_changed_reward_is_a_failed_check(self, lander: Lander, kept: Any) -> None:
        def cheat(lines: list[Any]) -> None:
            lines[3]["rewards"][40] += 1.0

        change(cheat)
        found = lander("replay", "r.jsonl.gz")
        assert found.code == 1
        assert "5 of 6 episodes as in the file" in found.out
        assert "another reward at step 41" in found.out
        assert "report sha256" not in found.out
        assert "1 of 6 episodes not as in the file. At step 41 of episode 2 (seed 1000002)" in found.message
        assert "the file was changed" in found.message
        data = json.loads(lander("replay", "r.jsonl.gz", "--json").out)
        assert (data["proved"], data["report_sha256"]) == (5, None)
        divergence = data["verdicts"][2]["divergence"]
        assert (divergence["step"], divergence["what"]) == (41, "reward")
        assert divergence["claimed"] == pytest.approx(divergence["found"] + 1.0)

    def test_another_machine_may_be_the_cause(self, lander: Lander, kept: Any) -> None:
        def elsewhere(lines: list[Any]) -> None:
            lines[1]["return"] += 1.0
            lines[0]["versions"]["box2d"] = "1.0"

        change(elsewhere)
        found = lander("replay", "r.jsonl.gz")
        assert found.code == 1
        assert " here, 1.0 there" in found.message

    # With names: gzip writes the time, and each process that runs tests must find the same names.
    @pytest.mark.parametrize("content", [b"GIF89a", gzip.compress(b"{}")], ids=["gif", "gzip"])
    def test_a_strangers_file_is_refused_in_words(self, lander: Lander, content: bytes) -> None:
        Path("odd.jsonl.gz").write_bytes(content)
        found = lander("replay", "odd.jsonl.gz")
        assert (found.code, found.out) == (3, "")
        assert "odd.jsonl.gz, line 1" in found.message

    @pytest.mark.parametrize("wanted", [[], ["--episodes", str(10**15)]])
    def test_more_episodes_than_a_memory_holds_are_only_a_claim(
        self, start: Start, kept: Any, wanted: list[str]
    ) -> None:
        """With 4 GiB of addresses: the claimed episodes in a set would take thousands of times that."""
        change(lambda lines: lines[0].update(episodes=10**15))
        prelude = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))"
        found = start("replay", "r.jsonl.gz", *wanted, prelude=prelude).end()
        assert found.code == 3, found.err
        assert "r.jsonl.gz, line 8: the file ends here" in found.message

    def test_an_outcome_cannot_command_the_terminal(self, lander: Lander, kept: Any) -> None:
        change(lambda lines: lines[1].update(outcome="\x1b[31m[bold]red"))
        found = lander("replay", "r.jsonl.gz")
        assert found.code == 1
        assert "\x1b" not in found.out + found.err
        assert "[bold]red" in found.out

    def test_neither_policy_nor_onnxruntime_nor_torch_is_needed(
        self, start: Start, kept: Any, tmp_path: Path
    ) -> None:
        """`sys.modules[name] = None` is Python's own way of having a module be absent."""
        absent = "import sys\nfor name in ('onnxruntime', 'torch', 'onnx'): sys.modules[name] = None"
        found = start("replay", "r.jsonl.gz", "--gif", "a.gif", prelude=absent).end()
        assert found.code == 0, found.err
        assert Path("a.gif").is_file()


class TestChoice:
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ("all", [0, 1, 2, 3, 4, 5]),
            ("first", [0]),
            ("2", [0, 1]),
            ("1000003", [3]),
            ("1000005,1000001,1000005", [1, 5]),
            ("1_000_002,", [2]),
        ],
    )
    def test_which_episodes(self, lander: Lander, kept: Any, wanted: str, expected: list[int]) -> None:
        data = json.loads(lander("replay", "r.jsonl.gz", "--json", "--episodes", wanted).out)
        assert [check["seed"] - FIRST_EVALUATION_SEED for check in data["verdicts"]] == expected

    def test_best_and_worst_are_by_return(self, lander: Lander, kept: Any) -> None:
        for wanted, pick in (("best", max), ("worst", min)):
            data = json.loads(lander("replay", "r.jsonl.gz", "--json", "--episodes", wanted).out)
            assert [check["return"] for check in data["verdicts"]] == [pick(kept["returns"])]

    @pytest.mark.parametrize(
        "wanted", ["none", "0", "7", "-1", "1000006", "1000001,5", ",", "", "1e1", "1.5"]
    )
    def test_what_is_not_there_is_a_usage_error(self, lander: Lander, kept: Any, wanted: str) -> None:
        found = lander("replay", "r.jsonl.gz", f"--episodes={wanted}")
        assert (found.code, found.out) == (2, "")
        assert "1000005" in found.message


class TestPictures:
    def test_one_episode_is_drawn_unless_told(self, lander: Lander, kept: Any) -> None:
        found = lander("replay", "r.jsonl.gz", "--gif", "a.gif", "--size", "300x200")
        assert found.code == 0
        assert "1 of 1 episode as in the file" in found.out
        assert "Drew a.gif" in found.err
        with Image.open("a.gif") as gif:
            assert gif.size == (300, 200)
            assert gif.n_frames > kept["lengths"][0] / 2
        assert found.next == "lander replay r.jsonl.gz"

    def test_several_have_their_seeds_in_their_names(self, lander: Lander, kept: Any) -> None:
        pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
        arguments = ["--gif", "a.gif", "--mp4", "b.mp4", "--episodes", "2", "--size", "0.1", "--speed", "20"]
        found = lander("replay", "r.jsonl.gz", *arguments, "--json")
        assert found.code == 0
        names = ["a-1000000.gif", "b-1000000.mp4", "a-1000001.gif", "b-1000001.mp4"]
        assert json.loads(found.out)["drawn"] == names
        assert all(Path(name).stat().st_size > 0 for name in names)

    def test_of_a_changed_episode_there_is_no_picture(
        self, lander: Lander, kept: Any, tree: Callable[[], set[str]]
    ) -> None:
        change(lambda lines: lines[1]["rewards"].__setitem__(5, 0.5))
        found = lander("replay", "r.jsonl.gz", "--gif", "a.gif")
        assert found.code == 1
        assert tree() == {"r.jsonl.gz"}

    def test_a_window_of_any_size(self, start: Start, kept: Any) -> None:
        found = start("replay", "r.jsonl.gz", "--render", "human", "--size", "2", "--speed", "100").end()
        assert found.code == 0, found.err
        assert "1 of 1 episode as in the file" in found.out

    def test_no_window_is_what_the_machine_lacks(self, start: Start, kept: Any) -> None:
        driver = {"SDL_VIDEODRIVER": "no-such-driver"}
        found = start("replay", "r.jsonl.gz", "--render", "human", env=driver).end()
        assert found.code == 4
        assert "--gif or --mp4" in found.message

    def test_a_missing_extra_is_named(self, start: Start, kept: Any) -> None:
        absent = "import sys; sys.modules['imageio_ffmpeg'] = None"
        found = start("replay", "r.jsonl.gz", "--mp4", "a.mp4", prelude=absent).end()
        assert (found.code, found.out) == (4, "")
        assert "pip install 'lander-rl[video]'" in found.message

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["--gif", "a.mp4"], ".gif"),
            (["--mp4", "a.gif"], ".mp4"),
            (["--gif", "r.jsonl.gz/a.gif"], "cannot be written"),
            (["--size", "huge"], "1200x800"),
            (["--speed", "0"], "--speed"),
            (["--speed", "nan"], "--speed"),
        ],
    )
    def test_what_cannot_be_drawn_is_said_before_any_episode_runs(
        self, lander: Lander, kept: Any, arguments: list[str], named: str
    ) -> None:
        found = lander("replay", "r.jsonl.gz", *arguments)
        assert (found.code, found.out) == (2, "")
        assert named in found.message


class TestSaving:
    def test_the_report_is_the_same_with_and_without(self, lander: Lander, tiny: Path) -> None:
        reports = [
            json.loads(lander("eval", tiny, "--episodes", "3", "--json", *more).out)
            for more in ([], ["--save-replay", "new/r.jsonl.gz"])
        ]
        assert reports[0]["report_sha256"] == reports[1]["report_sha256"]
        assert Path("new/r.jsonl.gz").is_file()

    @pytest.mark.parametrize(
        ("name", "named"), [("r.json", ".jsonl.gz"), ("tiny.onnx/r.jsonl.gz", "cannot be written")]
    )
    def test_a_file_that_cannot_be_is_refused_before_any_episode_runs(
        self, lander: Lander, tiny: Path, name: str, named: str
    ) -> None:
        found = lander("eval", tiny, "--episodes", "3", "--save-replay", name)
        assert (found.code, found.out) == (2, "")
        assert named in found.message

    def test_a_continuous_policy_drawn_at_random(self, lander: Lander, tiny_continuous: Path) -> None:
        found = lander(
            "eval", tiny_continuous, "--episodes=2", "--sampled", "--json", "--save-replay=r.jsonl.gz"
        )
        report = json.loads(found.out)
        data = json.loads(lander("replay", "r.jsonl.gz", "--json").out)
        assert data["report_sha256"] == report["report_sha256"]
        assert data["deterministic"] is False


def test_the_format_is_as_documented(kept: Any) -> None:
    """The few lines of docs/replay-file.md, without this package."""
    document = Path(__file__).parents[3] / "docs" / "replay-file.md"
    lines = re.findall(r"^    (.*)", document.read_text(encoding="utf-8"), re.MULTILINE)
    code = "\n".join(lines).replace("eval.jsonl.gz", "r.jsonl.gz")
    assert "import gzip" in code
    names: dict[str, Any] = {}
    exec(code, names)
    assert len(names["episodes"]) == 6
    assert isinstance(names["env"], gymnasium.Env)
    names["env"].close()


def test_what_was_assumed_of_a_foreign_policy_is_part_of_what_is_proved(lander: Lander) -> None:
    foreign = Path(shutil.copy(Path(__file__).parents[2] / "data" / "cleanrl-agent.onnx", "theirs.onnx"))
    scored = lander(
        "eval", foreign, "--env", "LunarLander-v3", "--episodes", "2", "--json",
        "--save-replay", "kept.jsonl.gz", "--device", "cpu",
    )  # fmt: skip
    assert scored.code == 0
    proved = lander("replay", "kept.jsonl.gz", "--json")
    assert proved.code == 0
    assert json.loads(scored.out)["report_sha256"] in proved.out
