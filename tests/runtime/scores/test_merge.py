"""Merging: exactly the report of one run, for any cut and order, and an error if a part is wrong."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lander_runtime import EnvSpec, InputRefused, Policy, evaluate
from lander_runtime.scores.merge import merge
from lander_runtime.scores.report import RUN_KEYS, Report
from lander_runtime.scores.shards import Shard
from lander_runtime.versions import platform_name

EvaluateParts = Callable[..., dict[str, Report]]


@pytest.fixture
def evaluate_parts(discrete: Policy, drifting: EnvSpec) -> EvaluateParts:
    """(parts, episodes) -> the reports of all parts by index, each run on its own."""

    def parts(of: int, episodes: int = 20, **options: Any) -> dict[str, Report]:
        shards = [Shard(index, of, 500, episodes) for index in range(1, of + 1)]
        return {
            str(shard.index): replace(
                evaluate(
                    discrete, drifting, episodes=len(shard.seeds), first_seed=shard.seeds.start, **options
                ),
                shard=shard,
            )
            for shard in shards
        }

    return parts


def without_execution(report: Report) -> dict[str, Any]:
    return {key: value for key, value in report.to_json().items() if key not in RUN_KEYS}


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("of", [1, 2, 3, 20])
def test_what_comes_out_is_the_report_of_one_run(
    evaluate_parts: EvaluateParts, discrete: Policy, drifting: EnvSpec, of: int, sampled: bool
) -> None:
    whole = evaluate(discrete, drifting, episodes=20, first_seed=500, sampled=sampled)
    parts = list(evaluate_parts(of, sampled=sampled).items())
    random.Random(of).shuffle(parts)
    merged = merge(dict(parts))
    assert without_execution(merged.report) == without_execution(whole)
    assert merged.report.sha256 == whole.sha256
    assert merged.report.results.outcome_names == whole.results.outcome_names
    assert merged.remarks == []


def test_what_was_assumed_of_the_policy_must_agree(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(2)
    parts["2"] = replace(parts["2"], assumptions=("The largest output is the action.",))
    with pytest.raises(InputRefused, match="assumed"):
        merge(parts)


def test_measures_that_are_not_there_stay_so(discrete: Policy) -> None:
    """The lander: null where it never touched the ground."""
    whole = evaluate(discrete, episodes=6)
    parts = {str(i): evaluate(discrete, episodes=2, first_seed=1_000_000 + i) for i in (4, 0, 2)}
    assert merge(parts).report.sha256 == whole.sha256


def test_parts_need_not_be_of_one_cut(evaluate_parts: EvaluateParts) -> None:
    """A half and two quarters are a whole."""
    halves, quarters = evaluate_parts(2), evaluate_parts(4)
    merged = merge({"a": quarters["4"], "b": halves["1"], "c": quarters["3"]})
    assert merged.report.sha256 == merge(halves).report.sha256


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        (["1"], r"^5 episodes from seed 500 are missing \(shard 1/4\)"),
        (["2"], r"^5 episodes from seed 505 are missing \(shard 2/4\)"),
        (["2", "3"], r"^10 episodes from seed 505 are missing \(shard 2/4, 3/4\)"),
        (["4"], r"^5 episodes from seed 515 are missing \(shard 4/4\)"),
    ],
)
def test_a_missing_part_is_named(evaluate_parts: EvaluateParts, lost: list[str], named: str) -> None:
    parts = evaluate_parts(4)
    for name in lost:
        del parts[name]
    with pytest.raises(InputRefused, match=named):
        merge(parts)


def test_many_missing_parts_are_not_all_named(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(20)
    with pytest.raises(InputRefused, match=r"shard 2/20, .* 11/20 and more"):
        merge({name: parts[name] for name in ("1", "20")})


def test_a_gap_between_parts_without_a_shard_entry_is_named(evaluate_parts: EvaluateParts) -> None:
    parts = {name: replace(part, shard=None) for name, part in evaluate_parts(4).items() if name != "3"}
    with pytest.raises(InputRefused, match=r"^5 episodes from seed 510 are missing. Run"):
        merge(parts)


def test_a_part_that_is_there_twice_is_named(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(3)
    with pytest.raises(InputRefused, match=r"^copy: its episodes from seed 506 on are in 2 too"):
        merge({**parts, "copy": parts["2"]})


def test_parts_that_overlap_are_named(evaluate_parts: EvaluateParts) -> None:
    with pytest.raises(InputRefused, match=r"^third: its episodes from seed 506 on are in half too"):
        merge(
            {"half": evaluate_parts(2)["1"], "third": evaluate_parts(3)["2"], "last": evaluate_parts(3)["3"]}
        )


def test_parts_of_wholes_of_different_sizes_are_refused(evaluate_parts: EvaluateParts) -> None:
    with pytest.raises(InputRefused, match=r"1 and b are parts of different evaluations: of 20 .* of 30 "):
        merge({"1": evaluate_parts(2)["1"], "b": evaluate_parts(2, episodes=30)["2"]})


def test_a_part_beside_its_whole_is_refused(evaluate_parts: EvaluateParts) -> None:
    """The seeds are contiguous, but the parts say that there are only twenty."""
    parts = evaluate_parts(2)
    before = replace(evaluate_parts(1, episodes=10)["1"], shard=None)
    before = replace(before, summary=replace(before.summary, first_seed=490))
    after = replace(before, summary=replace(before.summary, first_seed=520))
    with pytest.raises(InputRefused, match=r"^other: its episodes from seed 490 on come before 20 episodes"):
        merge({**parts, "other": before})
    with pytest.raises(InputRefused, match=r"^other: its episodes go on after 20 episodes from seed 500"):
        merge({**parts, "other": after})


def test_a_report_that_is_not_the_part_it_says_is_refused(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(2)
    parts["2"] = replace(parts["2"], shard=replace(parts["1"].shard, index=1))
    with pytest.raises(InputRefused, match=r"^2: shard 1/2 has 10 episodes from seed 500, but"):
        merge(parts)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda part: replace(part, policy_sha256="0" * 64), "policy's sha256"),
        (lambda part: replace(part, env=replace(part.env, max_episode_steps=14)), "env"),
        (
            lambda part: replace(part, summary=replace(part.summary, deterministic=False)),
            "deterministic is True in one and False",
        ),
    ],
)
def test_parts_of_something_else_are_refused(evaluate_parts: EvaluateParts, change: Any, named: str) -> None:
    parts = evaluate_parts(2)
    parts["2"] = change(parts["2"])
    with pytest.raises(InputRefused, match=rf"1 and 2 are not parts of one evaluation: .*{named}"):
        merge(parts)


def test_parts_of_plain_functions_are_refused(drifting: EnvSpec) -> None:
    parts = {
        str(seed): evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=2, first_seed=seed)
        for seed in (0, 2)
    }
    with pytest.raises(InputRefused, match=r"plain function"):
        merge(parts)


def test_executions_add_up(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(2)
    for name, seconds in (("1", 2.0), ("2", 3.0)):
        parts[name] = replace(parts[name], execution=replace(parts[name].execution, seconds=seconds))
    execution = merge(parts).report.execution
    assert execution.seconds == 5.0
    steps = sum(int(part.results.lengths.sum()) for part in parts.values())
    assert execution.steps_per_second == steps / 5.0
    assert execution.engine == "2 parts by 1 process"
    assert execution.versions == parts["1"].execution.versions


def test_differences_between_parts_are_remarked_on(evaluate_parts: EvaluateParts) -> None:
    parts = evaluate_parts(2)
    versions = {**parts["2"].execution.versions, "gymnasium": "0.29.1", "platform": "Linux riscv64"}
    parts["2"] = replace(
        parts["2"],
        execution=replace(parts["2"].execution, versions=versions, provider="CUDAExecutionProvider"),
    )
    merged = merge(parts)
    [provider, version, platform] = merged.remarks
    assert "CPUExecutionProvider, CUDAExecutionProvider" in provider
    assert "version of gymnasium" in version
    # Another processor's rounding may give another episode, as docs/evaluation.md says.
    assert "in their platform (" in platform
    assert platform_name() in platform
    assert merged.report.execution.versions["gymnasium"].endswith(", 0.29.1")


def test_impossible_claims_are_refused_at_once(evaluate_parts: EvaluateParts) -> None:
    """A file may say anything, and no refusal may take longer than reading it."""
    part = evaluate_parts(1)["1"]
    claimed = replace(part, shard=Shard(1, 10**40, 500, 20 * 10**40))
    with pytest.raises(InputRefused, match=r"episodes from seed 520 are missing \(shard 2/1"):
        merge({"1": claimed})
