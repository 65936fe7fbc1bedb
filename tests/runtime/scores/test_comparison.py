"""Comparisons of reports: one digest however they were run, complete JSON, and what is refused."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import EnvSpec, InputRefused, Policy, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.scores.comparison import Comparison, check_same_environment, compare
from lander_runtime.scores.paired import paired_difference
from lander_runtime.scores.report import Report
from lander_runtime.scores.verdict import Verdict
from lander_runtime.spec import WrapperSpec

Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


@pytest.fixture(scope="session")
def other(
    tiny_discrete: Path,
    with_changed_graph: Rebuild,
    with_right_golden: Callable[[bytes], bytes],
    load: Load,
) -> Policy:
    """The tiny policy with its head upside down: the same environment and other actions."""

    def change(model: Any) -> None:
        [head] = [tensor for tensor in model.graph.initializer if tensor.name == "head.weight"]
        head.raw_data = (-np.frombuffer(head.raw_data, np.float32)).tobytes()

    return load(with_right_golden(with_changed_graph(tiny_discrete, change)))


def by_the_recipe(comparison: dict[str, Any]) -> str:
    """The digest from the JSON alone: all but the paths, the digest itself and the entry `conduct`."""
    found = {key: value for key, value in comparison.items() if key not in ("comparison_sha256", "conduct")}
    found["policies"] = [
        {key: value for key, value in policy.items() if key != "path"} for policy in found["policies"]
    ]
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_json_says_all_and_its_digest_can_be_computed_again(
    discrete: Policy, other: Policy, drifting: EnvSpec
) -> None:
    reports = [evaluate(policy, drifting, episodes=40) for policy in (discrete, other, discrete)]
    comparison = compare(reports)
    data = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert set(data) == {
        "schema", "env", "deterministic", "first_seed", "episodes", "policies", "differences", "warnings",
        "comparison_sha256", "conduct",
    }  # fmt: skip
    assert data["schema"] == "lander.comparison/1"
    assert (data["deterministic"], data["first_seed"], data["episodes"]) == (True, 1_000_000, 40)
    assert data["env"] == drifting.to_json()
    for entry, report in zip(data["policies"], reports, strict=True):
        assert entry["sha256"] == report.policy_sha256
        assert entry["report_sha256"] == report.sha256
        assert entry["path"] == report.policy_path
        assert entry["returns"] == report.results.returns.tolist()
        assert entry["summary"]["mean_return"] == report.summary.mean_return
    assert [(d["policy"], d["baseline"], d["same_file"]) for d in data["differences"]] == [
        (1, 0, False), (2, 0, True),
    ]  # fmt: skip
    means = [report.summary.mean_return for report in reports]
    assert data["differences"][0]["mean_difference"] == pytest.approx(means[1] - means[0])
    assert data["differences"][1]["verdict"] == "alike"
    assert data["comparison_sha256"] == comparison.sha256 == by_the_recipe(data)


def test_where_a_file_lies_is_not_in_the_digest(drifting: EnvSpec) -> None:
    report = evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=40)
    first, second = with_returns(report, [0.0] * 40), with_returns(report, [0.0] * 39 + [1.0])
    digests = {
        compare([first, replace(second, policy_path=path)]).sha256 for path in ("a.onnx", "/b.onnx", None)
    }
    assert len(digests) == 1
    assert len(compare([first, second]).warnings) == 1


def test_the_threshold_is_the_environments(discrete: Policy, other: Policy, drifting: EnvSpec) -> None:
    one, two = (evaluate(policy, drifting, episodes=40) for policy in (discrete, other))
    [found] = compare([one, two]).differences
    assert found.succeeds_alone is not None
    assert found.fails_alone is not None
    assert one.summary.success_rate is not None
    assert two.summary.success_rate is not None
    more = len(found.succeeds_alone) - len(found.fails_alone)
    assert found.succeeds_alone
    assert found.fails_alone
    assert more == round(40 * (two.summary.success_rate - one.summary.success_rate))


@pytest.mark.parametrize("sampled", [False, True])
def test_workers_and_lanes_do_not_change_a_comparison(discrete: Policy, other: Policy, sampled: bool) -> None:
    ways: list[dict[str, Any]] = [{"workers": 1, "lanes": 32}, {"workers": 2, "lanes": 3}]
    comparisons = [
        compare([evaluate(policy, episodes=8, sampled=sampled, **way) for policy in (discrete, other)])
        for way in ways
    ]
    assert comparisons[0].differences[0].decided > 0
    assert comparisons[0].sha256 == comparisons[1].sha256


def test_every_policy_is_compared_with_the_first(discrete: Policy, other: Policy, drifting: EnvSpec) -> None:
    reports = [
        evaluate(policy, drifting, episodes=30)
        for policy in (other, discrete, lambda obs: np.zeros(len(obs), np.int64))
    ]
    comparison = compare(reports)
    returns = [report.results.returns for report in reports]
    for found, column in zip(comparison.differences, returns[1:], strict=True):
        expected = paired_difference(
            column, returns[0], first_seed=1_000_000, reward_threshold=0.0, comparisons=2
        )
        assert found.to_json() == expected.to_json()


def test_plain_functions_compare_too(drifting: EnvSpec) -> None:
    """Nothing says whether two functions are one."""
    report = evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=3)
    comparison = compare([report, report])
    assert not comparison.is_same_file(1)
    assert comparison.differences[0].verdict is Verdict.ALIKE
    json.dumps(comparison.to_json(), allow_nan=False)


def with_returns(report: Report, returns: list[float]) -> Report:
    return replace(report, results=replace(report.results, returns=np.array(returns)))


def test_those_shown_to_be_worse_are_named(drifting: EnvSpec) -> None:
    report = evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=40)
    noise = np.random.default_rng(0).normal(0.0, 1.0, (4, 40))
    shifts = [0.0, -5.0, 5.0, 0.0]
    comparison = compare([with_returns(report, (n + s).tolist()) for n, s in zip(noise, shifts, strict=True)])
    assert [found.verdict for found in comparison.differences] == [
        Verdict.WORSE, Verdict.BETTER, Verdict.NOT_SHOWN,
    ]  # fmt: skip
    assert comparison.worse == [1]
    assert comparison.warnings == []


class TestWarnings:
    @pytest.fixture
    def of(self, drifting: EnvSpec) -> Callable[[list[float]], Comparison]:
        """(returns) -> how they compare with as many zeros."""

        def one(returns: list[float]) -> Comparison:
            report = evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=len(returns))
            return compare([with_returns(report, [0.0] * len(returns)), with_returns(report, returns)])

        return one

    def test_few_episodes(self, of: Callable[[list[float]], Comparison]) -> None:
        [warning] = of([1.0]).warnings
        assert "1 episode " in warning
        assert "29 episodes" in of([1.0] * 29).warnings[0]
        assert of([1.0] * 30).warnings == []

    def test_few_that_differ(self, of: Callable[[list[float]], Comparison]) -> None:
        [warning] = of([1.0] * 5 + [0.0] * 30).warnings
        assert "only 5 of 35 returns differ" in warning
        assert of([1.0] * 6 + [0.0] * 30).warnings == of([0.0] * 40).warnings == []

    def test_one_that_weighs_more_than_all_others(self, of: Callable[[list[float]], Comparison]) -> None:
        """Of 42: a mean of 1 / 6, 20 squares of 25 / 36, 20 of 49 / 36, 1 / 36, and (7 - 1 / 6)^2."""
        returns = [1.0, -1.0] * 20
        [warning] = of([*returns[:20], 7.0, *returns[20:], -0.0]).warnings
        assert warning.startswith("policy 2: seed 1000020 alone is 53% of the spread")
        assert of([*returns, 6.0]).warnings == []


class TestRefusals:
    @pytest.fixture
    def report(self, drifting: EnvSpec) -> Report:
        return evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=3, first_seed=5)

    @pytest.mark.parametrize("count", [0, 1])
    def test_one_alone_is_no_comparison(self, report: Report, count: int) -> None:
        with pytest.raises(UsageError, match=f"found {count}"):
            compare([report] * count)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"first_seed": 6}, "3 greedy episodes from seed 6"),
            ({"episodes": 4}, "4 greedy episodes from seed 5"),
            ({"deterministic": False}, "3 sampled episodes from seed 5"),
        ],
    )
    def test_other_seeds_or_another_way(self, report: Report, change: dict[str, Any], said: str) -> None:
        changed = replace(report, summary=replace(report.summary, **change), policy_path="mine.onnx")
        with pytest.raises(UsageError, match=rf"mine\.onnx has {said}, policy 1 has 3 greedy"):
            compare([report, changed])

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"id": "Other-v1"}, "b is for Other-v1, and a is for Some-v0"),
            ({"kwargs": {"wind": True}}, "b has the arguments {'wind': True}, and a has {}"),
            ({"max_episode_steps": 50}, "b has the time limit 50, and a has 100"),
            ({"reward_threshold": None}, "b has the reward threshold None, and a has 1.0"),
        ],
    )
    def test_another_environment(self, change: dict[str, Any], said: str) -> None:
        env = EnvSpec("Some-v0", max_episode_steps=100, reward_threshold=1.0)
        with pytest.raises(InputRefused) as refused:
            check_same_environment([("a", env), ("c", env), ("b", replace(env, **change))])
        assert said in str(refused.value)

    def test_another_environment_between_reports(
        self, report: Report, discrete: Policy, drifting: EnvSpec
    ) -> None:
        changed = evaluate(discrete, replace(drifting, max_episode_steps=14), episodes=3, first_seed=5)
        with pytest.raises(InputRefused, match="time limit 14"):
            compare([report, changed])

    def test_wrappers_may_differ(self, report: Report) -> None:
        """What a policy sees is its own affair; a comparison has the environment without it."""
        wrapped = replace(report.env, wrappers=(WrapperSpec("TimeAwareObservation"),))
        comparison = compare([replace(report, env=wrapped), report])
        assert comparison.env == report.env
        data = comparison.to_json()
        assert [[w["name"] for w in entry["wrappers"]] for entry in data["policies"]] == [
            ["TimeAwareObservation"],
            [],
        ]

    def test_returns_that_are_not_finite(self, report: Report) -> None:
        with pytest.raises(InputRefused, match="seed 6"):
            compare([report, with_returns(report, [0.0, float("nan"), 0.0])])
