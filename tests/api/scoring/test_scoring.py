"""`evaluate`, `compare` and `merge`: what they take; they find what the runtime and the command find."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lander_rl
from lander_rl.inputs.finding import find_policy
from lander_rl.inputs.opening import open_for
from lander_runtime import InputRefused, LanderError, Policy, UsageError, evaluate
from lander_runtime.shipped import shipped_policies
from lander_runtime.spec import EnvSpec

DATA = Path(__file__).parents[2] / "data"


def coast(obs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Never fires an engine."""
    return np.zeros(len(obs), np.int64)


@dataclass
class FinishedRun:
    """What a training gives back, as far as scoring looks at it."""

    path: Path


@pytest.fixture
def run(tiny: Path) -> FinishedRun:
    folder = Path("runs/LunarLander-v3/001")
    folder.mkdir(parents=True)
    shutil.copy(tiny, folder / "policy.onnx")
    return FinishedRun(folder)


class TestEvaluate:
    def test_it_finds_what_the_runtime_finds(self, policy: Policy) -> None:
        expected = evaluate(policy, episodes=4, first_seed=70)
        found = lander_rl.evaluate(policy, episodes=4, seed=70)
        assert found.sha256 == expected.sha256
        assert isinstance(found, lander_rl.Report)

    def test_it_finds_what_the_command_finds(
        self, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from lander_cli.main import main

        monkeypatch.setattr("sys.argv", ["lander", "eval", str(tiny), "--episodes", "3", "--json"])
        with pytest.raises(SystemExit):
            main()
        printed = json.loads(capsys.readouterr().out)
        found = lander_rl.evaluate(tiny, episodes=3)
        assert printed["report_sha256"] == found.sha256
        assert printed["policy"]["path"] == found.policy_path == str(tiny)

    def test_workers_and_lanes_change_nothing(self, tiny: Path) -> None:
        reports = [
            lander_rl.evaluate(tiny, episodes=6, sampled=True, workers=workers, lanes=lanes)
            for workers, lanes in ((1, 1), (1, 32), (2, 3))
        ]
        assert len({report.sha256 for report in reports}) == 1

    def test_it_prints_nothing(self, tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
        lander_rl.evaluate(tiny, episodes=1, gif="a.gif", save_replay="a.jsonl.gz", page="page", out="a.json")
        assert tuple(capfd.readouterr()) == ("", "")

    @pytest.mark.parametrize("kind", ["file", "text", "folder", "run", "newest"])
    def test_a_policy_is_named_in_many_ways(self, tiny: Path, run: FinishedRun, kind: str) -> None:
        named = {"file": tiny, "text": str(tiny), "folder": run.path, "run": run, "newest": None}[kind]
        expected = tiny if kind in ("file", "text") else run.path / "policy.onnx"
        assert lander_rl.evaluate(named, episodes=1).policy_path == str(expected)

    def test_where_there_is_no_run_the_one_that_ships_is_taken(self) -> None:
        assert find_policy(None) == (shipped_policies()["lunarlander-v3"], "ships with lander")

    def test_a_function_is_scored_in_a_named_environment(self) -> None:
        found = lander_rl.evaluate(coast, "LunarLander-v3", episodes=1, gif="f.gif", page="page")
        assert (found.policy_path, found.policy_sha256) == (None, None)
        assert found.sha256 == evaluate(coast, "LunarLander-v3", episodes=1).sha256
        assert Path("f.gif").is_file()
        page = Path("page/index.html").read_text(encoding="utf-8")
        assert found.sha256 in page
        assert "lander_rl.evaluate(coast, 'LunarLander-v3', episodes=1, seed=1000000, page='page')" in page
        with pytest.raises(UsageError, match="Name the environment"):
            lander_rl.evaluate(coast, episodes=1)

    def test_arguments_of_the_environment_take_the_place_of_the_files(
        self, tiny: Path, policy: Policy
    ) -> None:
        windy = {"enable_wind": True, "wind_power": 15.0}
        for named in (tiny, policy):
            found = lander_rl.evaluate(named, episodes=2, env_args=windy)
            assert dict(found.env.kwargs) == windy
            assert found.env.reward_threshold == policy.env.reward_threshold
        spec = EnvSpec("LunarLander-v3", {"gravity": -9.0}, max_episode_steps=50)
        assert lander_rl.evaluate(policy, spec, episodes=1).env == spec

    def test_a_file_without_metadata_needs_an_environment(self) -> None:
        theirs = DATA / "cleanrl-agent.onnx"
        with pytest.raises(InputRefused, match="Name it"):
            lander_rl.evaluate(theirs, episodes=1)
        assert lander_rl.evaluate(theirs, "LunarLander-v3", episodes=1).assumptions
        assert lander_rl.open_policy(theirs, "LunarLander-v3").assumptions

    @pytest.mark.parametrize("named", [42, object(), ["a.onnx"]])
    def test_what_is_no_policy_is_named_by_its_type(self, named: Any) -> None:
        with pytest.raises(UsageError, match=f"found {type(named).__name__}"):
            lander_rl.evaluate(named)

    def test_options_for_files_are_not_for_open_policies(self, policy: Policy) -> None:
        for options in ({"device": "cpu"}, {"output": "logits"}):
            with pytest.raises(UsageError, match="open already"):
                lander_rl.evaluate(policy, **options)
        with pytest.raises(UsageError, match="nothing to open"):
            lander_rl.open_policy(coast, "LunarLander-v3")

    def test_what_is_said_of_files_is_not_for_a_function(self) -> None:
        with pytest.raises(UsageError, match=r"not for a function\. Leave out normalizer"):
            lander_rl.evaluate(coast, "LunarLander-v3", normalizer="statistics.npz")

    def test_observations_of_a_file_are_normalised(self, tmp_path: Path) -> None:
        theirs, where = DATA / "cleanrl-agent.onnx", "LunarLander-v3"
        np.savez(tmp_path / "s.npz", mean=np.full(8, 0.5), var=np.full(8, 4.0))
        said = {"normalizer": tmp_path / "s.npz", "normalizer_epsilon": 0.0, "normalizer_clip": 3.0}
        policy = lander_rl.open_policy(theirs, where, **said)
        assert "epsilon 0, clipped to 3" in policy.assumptions[1]
        seen = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
        plain = lander_rl.open_policy(theirs, where)
        np.testing.assert_array_equal(
            policy.outputs(seen)["logits"], plain.outputs((seen - 0.5) / 2)["logits"]
        )
        report = lander_rl.evaluate(theirs, where, episodes=1, page="page", **said)
        assert report.assumptions == policy.assumptions
        page = Path("page/index.html").read_text(encoding="utf-8")
        assert f"--normalizer {tmp_path / 's.npz'} --normalizer-epsilon 0 --normalizer-clip 3" in page
        compared = lander_rl.compare(theirs, report, env=where, workers=1, **said)
        assert compared.reports[0].sha256 == report.sha256

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ({"normalizer_epsilon": 1.0}, "belong to"),
            ({"normalizer_clip": 1.0}, "belong to"),
            ({"normalizer": "missing.npz"}, "does not exist"),
            ({"pixel_scale": 0.0}, "above 0"),
        ],
    )
    def test_what_is_said_of_observations_is_checked(self, said: dict[str, Any], reason: str) -> None:
        with pytest.raises(LanderError, match=reason):
            lander_rl.open_policy(DATA / "cleanrl-agent.onnx", "LunarLander-v3", **said)

    def test_what_is_written_is_what_was_found(self, tiny: Path) -> None:
        found = lander_rl.evaluate(
            tiny, episodes=2, out="a.json", save_replay="a.jsonl.gz", gif="a.gif", gif_episodes=2
        )
        written = json.loads(Path("a.json").read_text(encoding="utf-8"))
        assert written["report_sha256"] == found.sha256
        replayed = lander_rl.replay("a.jsonl.gz")
        assert replayed.report is not None
        assert replayed.report.sha256 == found.sha256
        assert sorted(path.name for path in Path().glob("*.gif")) == ["a-1000000.gif", "a-1000001.gif"]


class TestCompare:
    def test_policies_reports_and_files_are_the_same_comparison(self, tiny: Path, policy: Policy) -> None:
        ships = shipped_policies()["lunarlander-v3"]
        first = lander_rl.evaluate(tiny, episodes=4, seed=50, out="tiny.json")
        expected = lander_rl.compare(tiny, ships, episodes=4, seed=50)
        for one in (policy, first, "tiny.json"):
            found = lander_rl.compare(one, ships, episodes=4, seed=50)
            assert found.sha256 == expected.sha256
        assert expected.names == ("tiny.onnx", "policy.onnx")
        assert expected.verdicts == [found.verdicts[0].replace("tiny.json", "tiny.onnx")]

    def test_equal_files_are_run_once(self, tiny: Path) -> None:
        counter = Counter()
        shutil.copy(tiny, "copy.onnx")
        found = lander_rl.compare(tiny, "copy.onnx", tiny, episodes=3, observer=counter)
        assert counter.seeds == [1_000_000, 1_000_001, 1_000_002]
        assert found.verdicts[0] == "copy.onnx is the same file as tiny.onnx (1)."

    def test_a_function_is_compared_too(self, tiny: Path) -> None:
        found = lander_rl.compare(tiny, coast, env="LunarLander-v3", episodes=2)
        assert found.names == ("tiny.onnx", "coast")
        assert "coast" in found.verdicts[0]

    def test_other_episodes_than_a_report_has_are_refused(self, tiny: Path) -> None:
        report = lander_rl.evaluate(tiny, episodes=2)
        with pytest.raises(UsageError, match="is of 2 greedy episodes from seed 1000000"):
            lander_rl.compare(tiny, report, episodes=3)
        with pytest.raises(UsageError, match="say what was run"):
            lander_rl.compare(report, report, env_args={"gravity": -9.0})


class TestMerge:
    @pytest.fixture
    def parts(self, tiny: Path) -> list[lander_rl.Report]:
        Path("parts").mkdir()
        return [
            lander_rl.evaluate(tiny, episodes=5, shard=f"{part}/2", out=f"parts/{part}.json")
            for part in (1, 2)
        ]

    def test_parts_are_the_whole_however_they_come(self, tiny: Path, parts: list[lander_rl.Report]) -> None:
        whole = lander_rl.evaluate(tiny, episodes=5)
        assert [report.summary.episodes for report in parts] == [2, 3]
        for given in (parts, ["parts"], ["parts/2.json", parts[0]], [Path("parts/2.json"), "parts/1.json"]):
            found = lander_rl.merge(*given, out="whole.json")
            assert (found.sha256, found.remarks) == (whole.sha256, ())
            assert json.loads(Path("whole.json").read_text())["report_sha256"] == whole.sha256

    def test_what_differs_between_parts_is_remarked(self, parts: list[lander_rl.Report]) -> None:
        data = json.loads(Path("parts/2.json").read_text())
        data["versions"]["box2d"] = "1.0"
        Path("parts/2.json").write_text(json.dumps(data))
        [remark] = lander_rl.merge("parts").remarks
        assert "differ in their version of box2d" in remark

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ([], UsageError),
            (["parts/1.json"], InputRefused),
            (["parts", "parts/1.json"], UsageError),
            ([".."], InputRefused),
        ],
    )
    def test_what_is_no_whole_is_refused(
        self, parts: list[lander_rl.Report], given: list[str], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            lander_rl.merge(*given)


# Observers


class Counter:
    """An observer that is no subclass of anything."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def on_episode(self, episode: lander_rl.Episode) -> None:
        self.seeds.append(episode.seed)


class Diary(lander_rl.EvaluationObserver):
    """Writes down its calls, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def on_note(self, sentence: str) -> None:
        self.lines.append(sentence)

    def on_start(self, stage: str, episodes: int) -> None:
        self.lines.append(f"start {stage} {episodes}")

    def on_stage(self, stage: str) -> None:
        self.lines.append(f"stage {stage}")

    def on_episode(self, episode: lander_rl.Episode) -> None:
        self.lines.append(f"episode {episode.seed}")

    def on_recorded(self, path: Path, episode: lander_rl.Episode) -> None:
        self.lines.append(f"recorded {path} {episode.seed}")

    def on_checked(self, check: Any) -> None:
        self.lines.append(f"checked {check.seed}")

    def on_end(self) -> None:
        self.lines.append("end")

    def on_report(self, report: Any) -> None:
        self.lines.append(f"report {report.summary.episodes}")


def test_an_observer_is_called_at_every_stage_in_order(tiny: Path) -> None:
    diary = Diary()
    lander_rl.evaluate(tiny, episodes=2, seed=7, gif="a.gif", save_replay="a.jsonl.gz", observer=diary)
    assert diary.lines == [
        f"Evaluating {tiny} (as named) in LunarLander-v3 on CPUExecutionProvider",
        "start episodes 2", "episode 7", "episode 8", "end", "report 2", "Kept every step in a.jsonl.gz",
        "start episodes 1", "recorded a.gif 7", "end", "Recorded a.gif",
    ]  # fmt: skip
    diary = Diary()
    lander_rl.replay("a.jsonl.gz", observer=diary)
    assert diary.lines[1:] == ["start episodes 2", "checked 7", "checked 8", "end"]
    diary = Diary()
    lander_rl.compare(tiny, coast, env="LunarLander-v3", episodes=1, seed=7, observer=diary)
    assert [line for line in diary.lines if line.startswith(("start", "stage", "episode", "end"))] == [
        "start episodes 2", "stage tiny.onnx", "episode 7", "stage coast", "episode 7", "end",
    ]  # fmt: skip


def test_an_observer_is_called_at_the_end_after_an_error_too(tiny: Path) -> None:
    class Impatient(Diary):
        def on_episode(self, episode: lander_rl.Episode) -> None:
            raise KeyboardInterrupt

    diary = Impatient()
    with pytest.raises(KeyboardInterrupt):
        lander_rl.evaluate(tiny, episodes=2, save_replay="a.jsonl.gz", out="a.json", observer=diary)
    assert diary.lines[-1] == "end"
    assert not Path("a.jsonl.gz").exists()
    assert not Path("a.json").exists()


def test_an_observer_with_keep_gets_the_steps(tiny: Path) -> None:
    from lander_runtime.episodes.episode import Keep

    class Steps(Counter):
        keep = Keep(actions=True)

        def on_episode(self, episode: lander_rl.Episode) -> None:
            assert episode.trajectory is not None
            assert len(episode.trajectory.rewards) == episode.length
            super().on_episode(episode)

    steps = Steps()
    lander_rl.evaluate(tiny, episodes=2, observer=steps)
    assert len(steps.seeds) == 2


def test_a_given_environment_counts_where_only_its_id_is_the_files(policy: Policy) -> None:
    """An id alone means the file's own recipe; a whole recipe means itself."""
    shorter = EnvSpec("LunarLander-v3", max_episode_steps=10)
    assert open_for(policy, "LunarLander-v3").env == policy.env
    assert open_for(policy, shorter).env == shorter
