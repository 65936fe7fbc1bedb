"""`lander compare`: which policies it takes, what it says of them, when it fails."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lander_rl.results.names import short_names
from lander_rl.results.verdicts import in_a_sentence
from lander_runtime import Policy, evaluate
from lander_runtime.scores.comparison import Comparison, compare
from lander_runtime.scores.report import Report
from lander_runtime.shipped import shipped_policies

DATA = Path(__file__).parents[2] / "data"

Lander = Callable[..., Any]
Start = Callable[..., Any]


@pytest.fixture
def shipped() -> Path:
    return shipped_policies()["lunarlander-v3"]


@pytest.fixture
def alike(tiny: Path) -> Path:
    """Another file with the same weights."""
    model = onnx.load(tiny)
    model.doc_string = "not the same bytes"
    Path("alike.onnx").write_bytes(model.SerializeToString())
    return Path("alike.onnx")


class TestWhatItTakes:
    def test_the_first_line_says_what_is_compared(self, lander: Lander, tiny: Path, alike: Path) -> None:
        found = lander("compare", tiny, alike, "--episodes", "2", "--device", "cpu")
        assert found.code == 0
        lines = found.err.splitlines()
        assert lines[0] == (
            "Comparing alike.onnx with tiny.onnx in LunarLander-v3 "
            "over 2 episodes each on CPUExecutionProvider"
        )
        assert lines[1] == f"tiny.onnx is {tiny}"

    def test_a_runs_folder_means_its_policy(self, lander: Lander, tiny: Path, alike: Path) -> None:
        for number, file in (("001", tiny), ("002", alike)):
            Path("runs/L", number).mkdir(parents=True)
            shutil.copy(file, Path("runs/L", number, "policy.onnx"))
        found = lander("compare", "runs/L/001", "runs/L/002", "--episodes", "2", "--json")
        assert [p["path"] for p in json.loads(found.out)["policies"]] == [
            "runs/L/001/policy.onnx", "runs/L/002/policy.onnx",
        ]  # fmt: skip
        assert found.err.startswith("Comparing 002 with 001 ")

    @pytest.mark.parametrize("named", [[], ["tiny.onnx"]])
    def test_one_alone_is_a_usage_error(self, lander: Lander, tiny: Path, named: list[str]) -> None:
        found = lander("compare", *named)
        assert (found.code, found.out) == (2, "")

    def test_other_environments_are_refused_by_name_before_any_episode_runs(
        self, lander: Lander, tiny: Path, tiny_continuous: Path
    ) -> None:
        found = lander("compare", tiny, tiny_continuous, "--episodes", "1e9")
        assert (found.code, found.out) == (3, "")
        assert f"{tiny_continuous} is for LunarLanderContinuous-v3" in found.message
        assert f"{tiny} is for LunarLander-v3" in found.message

    @pytest.mark.parametrize("other", ["nothere.onnx", "text.onnx"])
    def test_what_is_no_policy_is_refused(self, lander: Lander, tiny: Path, other: str) -> None:
        Path("text.onnx").write_text("not a policy")
        found = lander("compare", tiny, other)
        assert (found.code, found.out) == (3, "")
        assert other in found.message

    def test_the_same_file_twice_is_noted_and_run_once(self, lander: Lander, tiny: Path) -> None:
        copy = shutil.copy(tiny, "copy.onnx")
        found = lander("compare", tiny, copy, "--episodes", "3", "--json")
        assert found.code == 0
        assert "copy.onnx is the same file as tiny.onnx" in found.err
        data = json.loads(found.out)
        assert data["conduct"][0] == data["conduct"][1], "a second trajectory would have taken another time"
        assert [entry["path"] for entry in data["policies"]] == [str(tiny), "copy.onnx"]
        assert data["differences"][0]["same_file"] is True
        table = lander("compare", tiny, tiny, "--episodes", "3").out
        assert table.endswith("\ntiny.onnx (2) is the same file as tiny.onnx (1).\n")


class TestSavedReports:
    @pytest.fixture
    def saved(self, lander: Lander, tiny: Path, shipped: Path) -> tuple[str, str]:
        """Reports of both on the same eight episodes."""
        for policy, out in ((tiny, "tiny.json"), (shipped, "shipped.json")):
            assert lander("eval", policy, "--episodes", "8", "--seed", "50", "--out", out).code == 0
        return "tiny.json", "shipped.json"

    def test_they_say_what_the_policies_say(
        self, lander: Lander, tiny: Path, shipped: Path, saved: tuple[str, str]
    ) -> None:
        """Also beside a policy, which is then run on the episodes of the report."""
        result = lander("compare", tiny, shipped, "--episodes", "8", "--seed", "50", "--json")
        digest = json.loads(result.out)["comparison_sha256"]
        for named in (saved, (tiny, saved[1]), (saved[0], shipped)):
            found = lander("compare", *named, "--json")
            assert found.code == 0, found.err
            assert json.loads(found.out)["comparison_sha256"] == digest
        people = lander("compare", *saved)
        assert people.err.startswith(
            "Comparing shipped.json with tiny.json in LunarLander-v3 over 8 episodes each\n"
        )
        assert people.out.splitlines()[-1].startswith("shipped.json is better than tiny.json by ")

    def test_sampled_episodes_are_compared_with_sampled_ones(self, lander: Lander, tiny: Path) -> None:
        assert lander("eval", tiny, "--episodes", "3", "--sampled", "--out", "sampled.json").code == 0
        data = json.loads(lander("compare", "sampled.json", tiny, "--json").out)
        assert (data["deterministic"], data["differences"][0]["verdict"]) == (False, "alike")

    @pytest.mark.parametrize("typed", [["--episodes", "9"], ["--seed", "51"], ["--sampled"]])
    def test_another_way_than_the_reports_is_refused(
        self, lander: Lander, tiny: Path, saved: tuple[str, str], typed: list[str]
    ) -> None:
        found = lander("compare", tiny, saved[1], *typed)
        assert (found.code, found.out) == (2, "")
        assert "shipped.json is of 8 greedy episodes from seed 50" in found.message

    @pytest.mark.parametrize("flags", [["--env", "CartPole-v1"], ["--env-arg", "enable_wind=true"]])
    def test_what_was_run_cannot_be_changed(
        self, lander: Lander, saved: tuple[str, str], flags: list[str]
    ) -> None:
        found = lander("compare", *saved, *flags)
        assert found.code == 2
        assert "These reports say what was run" in found.message

    def test_a_report_of_other_episodes_is_refused(
        self, lander: Lander, tiny: Path, saved: tuple[str, str]
    ) -> None:
        assert lander("eval", tiny, "--episodes", "7", "--seed", "50", "--out", "less.json").code == 0
        found = lander("compare", "less.json", saved[1])
        assert (found.code, found.out) == (2, "")
        assert "Evaluate both in the same way" in found.message

    def test_other_versions_are_remarked_on(self, lander: Lander, saved: tuple[str, str]) -> None:
        data = json.loads(Path(saved[1]).read_text())
        assert "differ in their" not in lander("compare", *saved).err
        data["versions"] |= {"box2d": "1.0", "platform": "Linux riscv64"}
        Path(saved[1]).write_text(json.dumps(data))
        found = lander("compare", *saved)
        assert re.search(r"differ in their version of box2d \(.+, 1\.0\)", found.err)
        assert re.search(r"differ in their platform \(.+, Linux riscv64\)", found.err)

    def test_a_damaged_report_is_refused(self, lander: Lander, tiny: Path, saved: tuple[str, str]) -> None:
        Path(saved[0]).write_text(Path(saved[0]).read_text().replace('"episodes":8', '"episodes":9'))
        found = lander("compare", *saved)
        assert (found.code, found.out) == (3, "")
        assert "tiny.json" in found.message


class TestReport:
    def test_json_is_that_of_the_runtime(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        """The same whatever the workers and lanes, except for how it was run."""
        reports = [evaluate(Policy.load(path, "cpu"), episodes=7, first_seed=50) for path in (tiny, shipped)]
        expected = compare(reports)
        arguments = ["compare", tiny, shipped, "--episodes", "7", "--seed", "50", "--device", "cpu", "--json"]
        for more in ([], ["--workers", "2", "--lanes", "2"]):
            found = lander(*arguments, *more)
            assert found.code == 0
            data = json.loads(found.out)
            assert data["schema"] == "lander.comparison/1"
            assert data["comparison_sha256"] == expected.sha256
            assert data["policies"][1]["returns"] == reports[1].results.returns.tolist()
            assert data["differences"][0]["verdict"] == "better"

    def test_people_get_a_table_and_a_verdict(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        [found] = compare([evaluate(Policy.load(p, "cpu"), episodes=30) for p in (tiny, shipped)]).differences
        out = lander("compare", tiny, shipped, "--episodes", "30", "--device", "cpu").out
        assert found.ci95 is not None
        low, high = found.ci95
        assert out.splitlines()[-1] == (
            f"policy.onnx is better than tiny.onnx by {found.mean:.1f} [{low:.1f}, {high:.1f}]."
        )
        rows = [line.split() for line in out.splitlines()]
        assert ["policy.onnx", f"+{found.mean:.1f}", f"+{low:.1f}", "to", f"+{high:.1f}", "30", "0", "0"] in [
            row[:8] for row in rows
        ]
        worst = found.largest_wins[0]
        assert [
            "tiny.onnx", str(worst.seed), f"{worst.baseline_return:.1f}", f"{worst.return_:.1f}",
            f"{worst.difference:+.1f}",
        ] in rows  # fmt: skip
        assert (
            f"tiny.onnx is under 200 and policy.onnx is not on {len(found.succeeds_alone or ())} seeds" in out
        )

    def test_three_are_compared_with_the_first(
        self, lander: Lander, tiny: Path, alike: Path, shipped: Path
    ) -> None:
        found = lander("compare", tiny, alike, shipped, "--episodes", "10")
        assert found.code == 0
        *_, one, two = found.out.splitlines()
        assert one == "alike.onnx and tiny.onnx play alike on all 10 episodes."
        assert two.startswith("policy.onnx is better than tiny.onnx by ")
        assert "The intervals of the differences hold together" in found.out
        assert "hold together" not in lander("compare", tiny, alike, "--episodes", "2").out

    def test_few_episodes_are_warned_of(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        found = lander("compare", tiny, shipped, "--episodes", "1")
        assert "1 episode before" in found.err
        assert "No difference shown between policy.onnx and tiny.onnx at n = 1: " in found.out

    def test_a_warning_names_the_policy(self) -> None:
        columns = [[0.0] * 40, [0.0] * 39 + [1.0]]
        report = evaluate(Policy.load(shipped_policies()["lunarlander-v3"], "cpu"), episodes=1)
        [warning] = of_returns(report, columns).cautions(["old", "new"])
        assert warning.startswith("new: only 1 of 40 ")

    def test_sampled_actions_are_others(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        data = [
            json.loads(lander("compare", tiny, shipped, "--episodes", "3", "--json", *more).out)
            for more in ([], ["--sampled"], ["--sampled"])
        ]
        assert [entry["deterministic"] for entry in data] == [True, False, False]
        assert data[0]["policies"][0]["returns"] != data[1]["policies"][0]["returns"]
        assert data[1]["comparison_sha256"] == data[2]["comparison_sha256"]


class TestFailIfWorse:
    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_worse_fails_with_the_report_and_better_does_not(
        self, lander: Lander, tiny: Path, shipped: Path, options: list[str]
    ) -> None:
        worse = lander("compare", shipped, tiny, "--episodes", "8", "--fail-if-worse", *options)
        assert worse.code == 1
        assert worse.out
        assert worse.message.startswith("tiny.onnx is worse than policy.onnx by ")
        assert lander("compare", tiny, shipped, "--episodes", "8", "--fail-if-worse", *options).code == 0
        assert lander("compare", shipped, tiny, "--episodes", "8", *options).code == 0

    def test_what_is_not_shown_does_not_fail(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        assert lander("compare", shipped, tiny, "--episodes", "2", "--fail-if-worse").code == 0


class TestNext:
    def test_more_episodes_where_nothing_is_shown(self, lander: Lander, tiny: Path, shipped: Path) -> None:
        found = lander("compare", tiny, shipped, "--episodes", "3", "--seed", "7", "--sampled")
        assert found.next == f"lander compare {tiny} {shipped} --episodes 1000 --seed 7 --sampled"

    def test_the_worse_ones_largest_loss_where_something_is(
        self, lander: Lander, tiny: Path, with_true_claims: Callable[[onnx.ModelProto], bytes]
    ) -> None:
        """More of the main engine is worse on average and better on some seeds; both orders show the same."""
        model = onnx.load(tiny)
        [head] = [tensor for tensor in model.graph.initializer if tensor.name == "head.bias"]
        bias = np.frombuffer(head.raw_data, np.float32) + np.array([0, 0, 3, 0], np.float32)
        head.raw_data = bias.tobytes()
        Path("heavy.onnx").write_bytes(with_true_claims(model))
        files = [tiny, Path("heavy.onnx")]
        reports = [evaluate(Policy.load(file, "cpu"), episodes=30) for file in files]
        best = int(np.argmax([report.summary.mean_return for report in reports]))
        [found] = compare([reports[1 - best], reports[best]]).differences
        assert found.verdict == "better"
        seed = found.largest_wins[0].seed
        for order in (files, files[::-1]):
            outcome = lander("compare", *order, "--episodes", "30", "--device", "cpu")
            assert outcome.next == f"lander eval {files[1 - best]} --episodes 1 --seed {seed}"

    def test_the_clearest_episode_of_several_policies(
        self, lander: Lander, tiny: Path, shipped: Path, alike: Path
    ) -> None:
        for order in ([tiny, shipped], [shipped, tiny], [alike, shipped, tiny]):
            found = lander("compare", *order, "--episodes", "8")
            assert found.next.startswith(f"lander eval {order[0] if order[1] == shipped else tiny} ")

    def test_nothing_to_look_at_where_all_are_alike(self, lander: Lander, tiny: Path) -> None:
        assert lander("compare", tiny, tiny, "--episodes", "8").next == f"lander inspect {tiny}"


# In words


@pytest.fixture
def told(tiny: Path) -> Callable[..., str]:
    """(returns, the baseline's) -> the verdict on `new` against `old`."""
    report = evaluate(Policy.load(tiny, "cpu"), episodes=1)

    def one(returns: list[float], baseline: list[float]) -> str:
        return in_a_sentence(of_returns(report, [baseline, returns]), 1, ["old", "new"])

    return one


def of_returns(report: Report, columns: list[list[float]]) -> Comparison:
    return compare(
        [
            replace(
                report,
                policy_sha256=str(number),
                summary=replace(report.summary, episodes=len(column)),
                results=replace(report.results, returns=np.array(column)),
            )
            for number, column in enumerate(columns)
        ]
    )


def test_both_forms_of_a_verdict(told: Callable[..., str]) -> None:
    """Differences of 0 and 40 in turn: 20 on average, give or take 1.96 * 20 / sqrt(1000) = 1.24."""
    higher, zeros = [0.0, 40.0] * 500, [0.0] * 1000
    figures = r"20\.0 \[18\.\d, 21\.\d\]\."
    assert re.fullmatch(f"new is better than old by {figures}", told(higher, zeros))
    assert re.fullmatch(f"new is worse than old by {figures}", told(zeros, higher))
    assert told([1.0, -1.0] * 500, zeros).startswith(
        "No difference shown between new and old at n = 1,000: +0.00 [-0.0"
    )
    assert told(zeros, zeros) == "new and old play alike on all 1,000 episodes."
    assert told([5.0], [5.0]) == "new and old play alike on the one episode."
    assert told([5.0], [8.0]) == "No difference shown between new and old at n = 1: -3.0."


def test_a_mean_against_most_seeds_is_told(told: Callable[..., str]) -> None:
    """One crash in five outweighs a little on each of the others."""
    crashing, slow = [281.0, 281.0, 281.0, 281.0, -100.0] * 40, [280.0] * 200
    assert told(slow, crashing).endswith("], though it has the lower return on most seeds.")
    assert told(crashing, slow).endswith("], though it has the higher return on most seeds.")


def test_small_returns_keep_their_figures(told: Callable[..., str]) -> None:
    """As in environments that pay 1 for an episode at most."""
    assert told([0.75, 0.7502] * 50, [0.75, 0.75] * 50).startswith(
        "new is better than old by 0.000100 [0.0000"
    )


# Names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["models/a.onnx", "/tmp/b.onnx"], ["a.onnx", "b.onnx"]),
        (["runs/L/001/policy.onnx", "runs/L/002/policy.onnx"], ["001", "002"]),
        (["runs/L/001/p.onnx", "runs/M/001/p.onnx"], ["L", "M"]),
        (["runs/L/001/p.onnx", "runs/M/001/p.onnx", "runs/M/002/p.onnx"], ["L/001", "M/001", "M/002"]),
        (["models/ships/p.onnx", "runs/L/001/p.onnx"], ["ships", "L/001"]),
        (["1/p.onnx", "runs/L/2/p.onnx"], ["1", "L/2"]),
        (["runs/001/policy.onnx", "old.onnx"], ["policy.onnx", "old.onnx"]),
        (["runs/001/p.onnx", "p.onnx", "runs/002/p.onnx"], ["001/p.onnx", "p.onnx", "002/p.onnx"]),
        (["a/p.onnx", "b/a/p.onnx"], ["a", "b/a"]),
        (["a/p.onnx", "a/p.onnx"], ["p.onnx (1)", "p.onnx (2)"]),
        (["a.onnx", "b.onnx", "a.onnx"], ["a.onnx (1)", "b.onnx", "a.onnx (2)"]),
        (["\x1b[31ma.onnx", "[31ma.onnx"], ["[31ma.onnx (1)", "[31ma.onnx (2)"]),
        (["\x1b", "b"], ["policy (1)", "b"]),
    ],
)
def test_names_are_as_short_as_tells_them_apart(paths: list[str], names: list[str]) -> None:
    assert short_names([Path(path) for path in paths]) == names


@pytest.mark.parametrize(
    "name", ["\x1b[31mred\x07", "two\nlines", "[bold]not markup", ":rocket:", "ünïcode 着陆"]
)
def test_hostile_names_cannot_command_the_terminal(
    lander: Lander, tiny: Path, alike: Path, name: str
) -> None:
    hostile = alike.rename(f"{name}.onnx")
    readable = "".join(character for character in hostile.name if character.isprintable())
    for arguments in (["compare", tiny, hostile], ["compare", hostile, tiny]):
        found = lander(*arguments, "--episodes", "2")
        assert found.code == 0
        for line in (found.out + found.err).splitlines():
            assert line.isprintable()
        assert readable in found.out
        assert f"{readable} is {hostile}" not in found.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("name", ["\x1b[31mre'd\\\x07", "two\nlines é", "it's plain"])
def test_the_next_command_names_a_hostile_file_as_bash_reads_it(
    lander: Lander, tiny: Path, name: str
) -> None:
    file = tiny.rename(f"{name}.onnx")
    command = lander("compare", file, file, "--episodes", "2").next
    assert command.startswith("lander inspect ")
    words = subprocess.run(
        ["bash", "-c", command.replace("lander inspect", "printf %s", 1)], capture_output=True, check=True
    ).stdout
    assert words.decode() == str(file)


def test_long_names_cost_no_figures(start: Start, tiny: Path, shipped: Path) -> None:
    """On a narrow page they are folded, and nothing is cut."""
    [found] = compare([evaluate(Policy.load(p, "cpu"), episodes=4) for p in (tiny, shipped)]).differences
    one, two = tiny.rename(f"{'one' * 40}.onnx"), shutil.copy(shipped, f"{'two' * 40}.onnx")
    arguments = ["compare", one, two, "--episodes", "4", "--device", "cpu"]
    out = start(*arguments, env={"COLUMNS": "80"}).end().out
    assert found.ci95 is not None
    assert f"{found.ci95[0]:+.1f} to {found.ci95[1]:+.1f}" in out
    for episode in found.largest_wins[:3]:
        assert f"{episode.difference:+.1f}" in out
        assert f"{episode.return_:.1f}" in out
    assert "\u2026" not in out


def test_in_a_pipe_each_policy_has_one_line(start: Start, tiny: Path, shipped: Path) -> None:
    """For grep and awk: rich would fold the tables at 80 columns."""
    name = "x" * 60
    arguments = ["compare", shutil.copy(tiny, f"{name}.onnx"), shipped, "--episodes", "4", "--device", "cpu"]
    prelude = "import os; os.environ.pop('COLUMNS', None)"
    lines = start(*arguments, prelude=prelude).end().out.splitlines()
    [first] = [line for line in lines if line.startswith(f"{name}.onnx ") and "±" in line]
    assert len(first) > 100


def test_files_without_metadata_compare_in_a_named_environment(lander: Lander, tiny: Path) -> None:
    foreign = Path(shutil.copy(DATA / "cleanrl-agent.onnx", "theirs.onnx"))
    arguments = ["compare", tiny, foreign, "--episodes", "2", "--device", "cpu"]
    refused = lander(*arguments)
    assert (refused.code, refused.out) == (3, "")
    assert "--env" in refused.message
    found = lander(*arguments, "--env", "LunarLander-v3", "--env-arg", "gravity=-9.0", "--json")
    assert found.code == 0
    assert "in LunarLander-v3(gravity=-9.0)" in found.err.splitlines()[0]
    assert "Assumed of theirs.onnx: " in found.err
    assert "--env LunarLander-v3 --env-arg gravity=-9.0" in found.next
    assert json.loads(found.out)["env"]["kwargs"] == {"gravity": -9.0}
