"""`lander eval`: which policy it takes, what it reports, what it records, when it says no."""

import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from PIL import Image

from lander_runtime import Policy, evaluate
from lander_runtime.episodes.actors import actor_of
from lander_runtime.files import sha256_of
from lander_runtime.pictures.record import record_episode
from lander_runtime.shipped import shipped_policies

Lander = Callable[..., Any]
Start = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"

HAS_GPU = Path("/proc/driver/nvidia/gpus").is_dir()

FIRST_EVALUATION_SEED = 1_000_000
"""The default seed of the first episode."""


def frames_of(gif: Path) -> int:
    with Image.open(gif) as image:
        assert image.format == "GIF"
        return image.n_frames


def gifs() -> set[str]:
    return {path.name for path in Path().glob("*.gif")}


def table_of(out: str) -> list[list[str]]:
    """The episodes' table: rows of columns, headings first."""
    return [line.split(maxsplit=4) for line in out.split("\n\n")[0].splitlines()]


class TestWhichPolicy:
    def put_policy(self, tiny: Path, run: str, age: float) -> Path:
        """A run's policy that was written `age` seconds before some moment."""
        policy = Path("runs/LunarLander-v3") / run / "policy.onnx"
        policy.parent.mkdir(parents=True)
        shutil.copy(tiny, policy)
        os.utime(policy, (1_700_000_000 - age, 1_700_000_000 - age))
        return policy

    def test_the_newest_runs_where_there_are_runs(self, lander: Lander, tiny: Path) -> None:
        newest = self.put_policy(tiny, "001", age=10)
        self.put_policy(tiny, "002", age=50)
        found = lander("eval", "--episodes", "1", "--gif-episodes", "none")
        assert found.code == 0
        assert found.err.splitlines()[0].startswith(f"Evaluating {newest} (")

    def test_the_one_that_ships_where_there_is_no_run(self, lander: Lander) -> None:
        found = lander("eval", "--episodes", "1", "--gif-episodes", "none")
        assert found.code == 0
        shipped = shipped_policies()["lunarlander-v3"]
        assert found.err.splitlines()[0].startswith(f"Evaluating {shipped} (ships with lander)")

    def test_a_runs_folder_means_its_policy(self, lander: Lander, tiny: Path) -> None:
        policy = self.put_policy(tiny, "001", age=0)
        found = lander("eval", policy.parent, "--episodes", "1", "--gif-episodes", "none")
        assert found.code == 0
        assert found.err.splitlines()[0].startswith(f"Evaluating {policy} (")

    def test_the_first_line_names_environment_and_device(self, lander: Lander, tiny: Path) -> None:
        found = lander("eval", tiny, "--episodes", "1", "--gif-episodes", "none", "--device", "cpu")
        assert found.err.splitlines()[0].endswith("in LunarLander-v3 on CPUExecutionProvider")

    @pytest.mark.parametrize("command", ["eval", "inspect"])
    def test_a_file_in_the_place_of_runs_is_no_reason_to_take_another(
        self, lander: Lander, command: str
    ) -> None:
        Path("runs").write_text("mine")
        found = lander(command)
        assert (found.code, found.out) == (3, "")
        assert found.message.startswith("runs ")

    def test_a_folder_without_one_says_how_to_make_it(self, lander: Lander) -> None:
        Path("run").mkdir()
        found = lander("eval", "run")
        assert (found.code, found.out) == (3, "")
        assert "lander export run" in found.message


SPEED = r"[\d,.]+ steps/s|\"(steps_per_second|seconds)\": .*"
"""What is never the same twice, in both forms of a report."""


class TestReport:
    def test_json_is_one_object_of_the_schema(self, lander: Lander, tiny: Path) -> None:
        found = lander("eval", tiny, "--episodes", "3", "--json")
        assert found.code == 0
        report = json.loads(found.out)
        assert set(report) == {
            "schema", "policy", "env", "provider", "deterministic", "first_seed", "episodes", "mean_return",
            "std_return", "ci95", "iqm_return", "min_return", "max_return", "success_rate", "mean_length",
            "returns", "lengths", "outcomes", "steps_per_second", "versions", "median_return",
            "cvar05_return", "mean_minus_std", "success_ci95", "outcome_counts", "mean_measures", "measures",
            "warnings", "report_sha256", "episodes_sha256", "engine", "lanes", "seconds",
        }  # fmt: skip
        assert report["schema"] == "lander.evaluation/1"
        assert report["policy"] == {"path": str(tiny), "sha256": sha256_of(tiny.read_bytes())}
        assert report["env"]["id"] == "LunarLander-v3"
        assert (report["deterministic"], report["first_seed"], report["episodes"]) == (
            True,
            FIRST_EVALUATION_SEED,
            3,
        )
        assert {"lander-rl", "onnxruntime", "gymnasium"} <= set(report["versions"])
        assert report["steps_per_second"] > 0
        # A script asked for figures, not for pictures.
        assert gifs() == set()

    def test_the_figures_are_those_of_the_runtime(self, lander: Lander, tiny: Path) -> None:
        expected = evaluate(Policy.load(tiny, "cpu"), episodes=4)
        arguments = ["eval", tiny, "--episodes", "4", "--device", "cpu", "--gif-episodes", "none"]
        report = json.loads(lander(*arguments, "--json").out)
        assert report["returns"] == expected.results.returns.tolist()
        assert report["lengths"] == expected.results.lengths.tolist()
        assert report["outcomes"] == expected.results.outcomes
        assert report["mean_return"] == pytest.approx(sum(expected.results.returns) / 4, abs=1e-9)
        heading, *rows = table_of(lander(*arguments).out)
        assert heading == ["episode", "seed", "return", "steps", "outcome"]
        assert rows == [
            [str(i), str(FIRST_EVALUATION_SEED + i), f"{value:.1f}", str(length), outcome]
            for i, (value, length, outcome) in enumerate(
                zip(
                    expected.results.returns, expected.results.lengths, expected.results.outcomes, strict=True
                )
            )
        ]

    def test_people_get_a_summary(self, lander: Lander, tiny: Path) -> None:
        report = evaluate(Policy.load(tiny, "cpu"), episodes=2)
        found = lander("eval", tiny, "--episodes", "2", "--device", "cpu", "--gif-episodes", "none")
        lines = dict(re.split("  +", line, maxsplit=1) for line in found.out.split("\n\n")[1].splitlines())
        summary = report.summary
        assert summary.ci95 is not None
        assert lines["mean return"] == f"{summary.mean_return:.1f} ± {summary.std_return:.1f}"
        assert lines["95% interval"] == f"{summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}"
        assert lines["success"] == "0.00% of episodes at 200 or more (95% interval 0.0% to 65.8%)"
        assert lines["outcomes"] == "2 crashed"
        assert lines["speed"].endswith("on CPUExecutionProvider, 1 process")

    def test_a_claimed_score_that_does_not_hold_is_said(self, lander: Lander, tiny: Path) -> None:
        figures = dict.fromkeys(("mean_return", "iqm_return", "min_return", "max_return"), 300.0)
        claim = {
            **figures, "episodes": 100, "first_seed": 1_000_000, "deterministic": True, "std_return": 0.0,
            "ci95": None, "success_rate": 1.0, "mean_length": 200.0,
        }  # fmt: skip
        model = onnx.load(tiny)
        [entry] = model.metadata_props
        entry.value = json.dumps({**json.loads(entry.value), "evaluation": claim})
        onnx.save(model, tiny)
        arguments = ["eval", tiny, "--episodes", "30", "--gif-episodes", "none"]
        said = "The file claims a mean return of 300.0 ± 0.0 over 100 episodes."
        for options in ([], ["--json"]):
            found = lander(*arguments, *options)
            assert found.code == 0
            assert said in found.err
            assert "less (95% interval of the difference" in found.err
        assert said not in lander(*arguments, "--env-arg", "enable_wind=true").err
        assert said not in lander(*arguments, "--sampled").err
        assert said not in lander("eval", tiny, "--episodes", "3", "--gif", "none").err

    def test_many_episodes_are_not_listed(self, lander: Lander, tiny: Path) -> None:
        few = lander("eval", tiny, "--episodes", "20", "--gif-episodes", "none").out
        many = lander("eval", tiny, "--episodes", "21", "--gif-episodes", "none").out
        assert len(table_of(few)) == 21
        assert "mean return" in many
        assert str(FIRST_EVALUATION_SEED) not in many

    def test_the_seed_is_the_first_episodes(self, lander: Lander, tiny: Path) -> None:
        """So the second and third of three are the two from one seed further."""
        three = json.loads(lander("eval", tiny, "--episodes", "3", "--seed", "70", "--json").out)
        two = json.loads(lander("eval", tiny, "--episodes", "2", "--seed", "71", "--json").out)
        assert (three["first_seed"], two["first_seed"]) == (70, 71)
        assert three["returns"][1:] == two["returns"]
        assert three["returns"][0] not in two["returns"]

    def test_sampled_actions_are_drawn_from_the_episodes_seed(self, lander: Lander, tiny: Path) -> None:
        arguments = ["eval", tiny, "--episodes", "3", "--json"]
        greedy, one, two = (
            json.loads(lander(*arguments, *more).out) for more in ([], ["--sampled"], ["--sampled"])
        )
        assert (greedy["deterministic"], one["deterministic"]) == (True, False)
        assert one["returns"] == two["returns"]
        assert one["returns"] != greedy["returns"]

    def test_a_continuous_policy_runs_too(self, lander: Lander, tiny_continuous: Path) -> None:
        found = lander("eval", tiny_continuous, "--episodes", "1", "--gif", "c.gif", "--json")
        assert found.code == 0
        assert json.loads(found.out)["env"]["id"] == "LunarLanderContinuous-v3"
        assert frames_of(Path("c.gif")) > 1

    def test_it_ends_with_the_next_command(self, lander: Lander, tiny: Path) -> None:
        few = lander("eval", tiny, "--episodes", "1", "--json")
        many = lander("eval", tiny, "--episodes", "100", "--json")
        assert few.next == f"lander eval {tiny} --episodes 1000"
        assert many.next == f"lander inspect {tiny}"


class TestFailUnder:
    @pytest.fixture
    def mean(self, tiny: Path) -> float:
        return evaluate(Policy.load(tiny, "cpu"), episodes=2).summary.mean_return

    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_a_mean_above_passes_and_one_below_fails_with_the_report(
        self, lander: Lander, tiny: Path, mean: float, options: list[str]
    ) -> None:
        arguments = ["eval", tiny, "--episodes", "2", "--gif-episodes", "none", *options]
        below = lander(*arguments, "--fail-under", repr(mean + 0.01))
        above = lander(*arguments, "--fail-under", repr(mean - 0.01))
        assert (below.code, above.code) == (1, 0)
        assert "under" in below.message
        # The figures apart, of which the speed is never the same.
        assert re.sub(SPEED, "", below.out) == re.sub(SPEED, "", above.out)
        assert f"{mean:.1f}" in below.out or str(mean) in below.out

    def test_exactly_the_mean_is_not_under_it(self, lander: Lander, tiny: Path, mean: float) -> None:
        arguments = ["eval", tiny, "--episodes", "2", "--json", "--device", "cpu"]
        assert lander(*arguments, "--fail-under", repr(mean)).code == 0

    @pytest.mark.parametrize("limit", ["nan", "inf", "-inf", "high"])
    def test_what_no_mean_can_reach_is_a_usage_error(self, lander: Lander, tiny: Path, limit: str) -> None:
        """Every comparison with NaN is false, the one that lets a mean through included."""
        found = lander("eval", tiny, "--episodes", "1", "--json", "--fail-under", limit)
        assert (found.code, found.out) == (2, "")
        assert "--fail-under" in found.err


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[int, bytes]:
    """The tiny policy's GIFs of episodes 0 to 2, each recorded from its own seed."""
    policy = Policy.load(DATA / "tiny-discrete.onnx", "cpu")
    file = tmp_path_factory.mktemp("references") / "reference.gif"
    recorded = {}
    for episode in range(3):
        record_episode(actor_of(policy), policy.info.env, FIRST_EVALUATION_SEED + episode, file)
        recorded[episode] = file.read_bytes()
    assert len(set(recorded.values())) == 3
    return recorded


class TestRecording:
    def test_the_first_episode_into_eval_gif_by_default(self, lander: Lander, tiny: Path) -> None:
        found = lander("eval", tiny, "--episodes", "2")
        assert found.code == 0
        assert gifs() == {"eval.gif"}
        assert "Recorded eval.gif" in found.err
        assert frames_of(Path("eval.gif")) > 10

    def test_none_records_nothing(self, lander: Lander, tiny: Path) -> None:
        assert lander("eval", tiny, "--episodes", "2", "--gif-episodes", "none").code == 0
        assert gifs() == set()

    # Episodes 0 to 2 return -481, -573 and -781: the first is the best, the third the worst.
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ("first", {"x.gif": 0}),
            ("best", {"x.gif": 0}),
            ("worst", {"x.gif": 2}),
            ("2", {"x-1000000.gif": 0, "x-1000001.gif": 1}),
            ("all", {"x-1000000.gif": 0, "x-1000001.gif": 1, "x-1000002.gif": 2}),
            ("99", {"x-1000000.gif": 0, "x-1000001.gif": 1, "x-1000002.gif": 2}),
        ],
    )
    def test_what_is_asked_for_is_recorded(
        self,
        lander: Lander,
        tiny: Path,
        references: dict[int, bytes],
        wanted: str,
        expected: dict[str, int],
    ) -> None:
        found = lander("eval", tiny, "--episodes", "3", "--gif", "x.gif", "--gif-episodes", wanted, "--json")
        assert found.code == 0
        assert {name: Path(name).read_bytes() for name in gifs()} == {
            name: references[episode] for name, episode in expected.items()
        }
        assert all(f"Recorded {name}" in found.err for name in expected)
        returns = json.loads(found.out)["returns"]
        assert (returns.index(max(returns)), returns.index(min(returns))) == (0, 2)

    def test_an_mp4_takes_the_place_of_the_gif_or_stands_beside_it(self, lander: Lander, tiny: Path) -> None:
        pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
        found = lander("eval", tiny, "--episodes", "2", "--mp4", "x.mp4", "--gif-episodes", "worst")
        assert (found.code, gifs()) == (0, set())
        assert "Recorded x.mp4" in found.err
        assert Path("x.mp4").stat().st_size > 1000
        both = lander("eval", tiny, "--episodes", "1", "--mp4", "y.mp4", "--gif", "y.gif")
        assert (both.code, gifs()) == (0, {"y.gif"})
        assert "Recorded y.gif" in both.err
        assert "Recorded y.mp4" in both.err

    def test_a_missing_ffmpeg_is_named_before_any_episode_runs(
        self, lander: Lander, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
        found = lander("eval", tiny, "--episodes", "2", "--mp4", "x.mp4")
        assert (found.code, found.out) == (4, "")
        assert "pip install 'lander-rl[video]'" in found.message

    def test_a_sampled_episode_is_recorded_as_it_was_scored(self, lander: Lander, tiny: Path) -> None:
        found = lander("eval", tiny, "--episodes", "2", "--sampled", "--gif-episodes", "2")
        assert found.code == 0
        assert gifs() == {"eval-1000000.gif", "eval-1000001.gif"}

    @pytest.mark.parametrize(
        ("option", "value", "named"),
        [
            *(
                ("--gif-episodes", wanted, "first, best, worst, all, none")
                for wanted in ("0", "-1", "bst", "", "1.5", "²", "FIRST")
            ),
            *(("--gif", name, "--gif") for name in ("x.mp4", "x", "", ".")),
            ("--mp4", "x.gif", "--mp4"),
        ],
    )
    def test_what_cannot_be_recorded_is_refused_before_any_episode_runs(
        self, lander: Lander, tiny: Path, option: str, value: str, named: str
    ) -> None:
        found = lander("eval", tiny, "--episodes", "1", option, value)
        assert (found.code, found.out) == (2, "")
        assert named in found.message
        assert {path.name for path in Path().iterdir()} == {tiny.name}

    def test_missing_folders_are_made(self, lander: Lander, tiny: Path) -> None:
        assert lander("eval", tiny, "--episodes", "1", "--gif", "new/x.gif").code == 0
        assert frames_of(Path("new/x.gif")) > 1

    @pytest.mark.parametrize("gif", ["file/x.gif", "file/new/x.gif", "folder.gif", "folder.gif/"])
    def test_a_place_that_cannot_be_written_is_refused_before_any_episode_runs(
        self, lander: Lander, tiny: Path, tree: Callable[[], set[str]], gif: str
    ) -> None:
        Path("file").write_text("mine")
        Path("folder.gif").mkdir()
        before = tree()
        found = lander("eval", tiny, "--episodes", "1", "--gif", gif, "--json")
        assert (found.code, found.out) == (2, "")
        assert found.message.startswith(str(Path(gif)))
        assert "Errno" not in found.message
        assert "Evaluating" not in found.err
        assert tree() == before
        assert Path("file").read_text() == "mine"

    def test_a_place_that_nothing_is_written_to_need_not_be_writable(
        self, lander: Lander, tiny: Path
    ) -> None:
        """In a read-only folder, `--gif-episodes none` still gives the figures."""
        Path("eval.gif").mkdir()
        assert lander("eval", tiny, "--episodes", "1").code == 2
        assert lander("eval", tiny, "--episodes", "1", "--gif-episodes", "none").code == 0
        assert lander("eval", tiny, "--episodes", "1", "--json").code == 0

    def test_the_policy_is_not_recorded_over(self, lander: Lander, tiny: Path) -> None:
        before = tiny.read_bytes()
        found = lander("eval", tiny, "--episodes", "1", "--gif", tiny)
        assert found.code == 2
        assert tiny.read_bytes() == before

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_what_is_no_plain_file_is_not_replaced(self, lander: Lander, tiny: Path) -> None:
        """A pipe stands for /dev/null, which `--gif /dev/null` run by root would replace by a file."""
        os.mkfifo("pipe.gif")
        found = lander("eval", tiny, "--episodes", "1", "--gif", "pipe.gif")
        assert found.code in (2, 3)
        assert stat.S_ISFIFO(Path("pipe.gif").stat().st_mode)
