"""Evaluation: the same report for any number of lanes, with all entries that are promised."""

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime import EnvironmentFailed, EnvSpec, LanderError, Policy, UsageError, envs
from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.scores.report import RUN_KEYS, Report
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.versions import installed_versions

LANES = [1, 3, 32, 40]


def what_was_found(report: Report) -> dict[str, Any]:
    """The report but for how it was run."""
    return {key: value for key, value in report.to_json().items() if key not in RUN_KEYS}


@pytest.fixture
def coast() -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda obs: np.zeros(len(obs), np.int64)


class Collector:
    """An observer that collects all episodes."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def on_episode(self, episode: Episode) -> None:
        self.episodes.append(episode)


# The same whatever the lanes


@pytest.mark.parametrize("sampled", [False, True])
def test_lanes_do_not_change_a_report(discrete: Policy, drifting: EnvSpec, sampled: bool) -> None:
    """50 episodes: lanes finish at different times, and 40 lanes are more than one batch."""
    reports = [evaluate(discrete, drifting, episodes=50, sampled=sampled, lanes=lanes) for lanes in LANES]
    assert len(set(reports[0].results.lengths)) > 5
    for report in reports[1:]:
        assert what_was_found(report) == what_was_found(reports[0])


@pytest.mark.parametrize("sampled", [False, True])
def test_lanes_do_not_change_a_continuous_report(
    continuous: Policy, drifting_continuous: EnvSpec, sampled: bool
) -> None:
    """Here every bit of every output is in the return."""
    reports = [
        evaluate(continuous, drifting_continuous, episodes=50, sampled=sampled, lanes=lanes)
        for lanes in LANES
    ]
    for report in reports[1:]:
        assert what_was_found(report) == what_was_found(reports[0])


@pytest.mark.parametrize("sampled", [False, True])
def test_lanes_do_not_change_a_landing(discrete: Policy, sampled: bool) -> None:
    reports = [evaluate(discrete, episodes=6, sampled=sampled, lanes=lanes) for lanes in (1, 3, 32)]
    assert what_was_found(reports[0]) == what_was_found(reports[1]) == what_was_found(reports[2])


@pytest.mark.parametrize("sampled", [False, True])
def test_inference_has_one_batch_size(tiny_discrete: Path, drifting: EnvSpec, sampled: bool) -> None:
    """The tests above depend on this on machines where a product rounds differently at another size."""
    sizes = set()

    class Watched(Policy):
        def act(self, obs: NDArray[Any], rng: np.random.Generator | None = None) -> Any:
            sizes.add(len(obs))
            return super().act(obs, rng)

        def outputs(self, obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
            sizes.add(len(obs))
            return super().outputs(obs)

    policy = Watched.load(tiny_discrete, "cpu")
    sizes.clear()  # Opening it has run the golden observations.
    for lanes in LANES:
        evaluate(policy, drifting, episodes=50, sampled=sampled, lanes=lanes)
    assert sizes == {32}


def test_an_id_will_do_for_an_environment(discrete: Policy) -> None:
    """With the limit and the threshold that Gymnasium has for it."""
    named = evaluate(discrete, "LunarLander-v3", episodes=2)
    assert named.env == envs.resolve("LunarLander-v3")
    assert what_was_found(named) == what_was_found(evaluate(discrete, named.env, episodes=2))
    for unknown in ("LunarLandr-v3", "", "os:system-v0"):
        with pytest.raises(UsageError):
            evaluate(discrete, unknown)


def test_sampled_is_not_greedy(discrete: Policy, drifting: EnvSpec) -> None:
    greedy = evaluate(discrete, drifting, episodes=20)
    sampled = evaluate(discrete, drifting, episodes=20, sampled=True)
    assert (greedy.summary.deterministic, sampled.summary.deterministic) == (True, False)
    assert greedy.results.returns.tolist() != sampled.results.returns.tolist()
    assert greedy.results.lengths.tolist() == sampled.results.lengths.tolist(), "which the seeds decide"


def test_greedy_takes_the_action_of_the_policy(discrete: Policy, drifting: EnvSpec) -> None:
    assert evaluate(discrete, drifting, episodes=20).results.returns == pytest.approx(
        evaluate(discrete.act, drifting, episodes=20).results.returns
    )


# Seeds


@pytest.mark.parametrize("sampled", [False, True])
def test_episode_i_has_the_first_seed_plus_i(discrete: Policy, drifting: EnvSpec, sampled: bool) -> None:
    collected = Collector()
    report = evaluate(discrete, drifting, episodes=5, first_seed=77, sampled=sampled, observer=collected)
    assert {episode.index: episode.seed for episode in collected.episodes} == {
        0: 77,
        1: 78,
        2: 79,
        3: 80,
        4: 81,
    }
    assert report.summary.first_seed == 77
    later = evaluate(discrete, drifting, episodes=2, first_seed=79, sampled=sampled)
    assert later.results.returns.tolist() == report.results.returns[2:4].tolist()


def test_scoring_starts_where_training_ends(discrete: Policy, drifting: EnvSpec) -> None:
    assert FIRST_EVALUATION_SEED == 1_000_000
    assert evaluate(discrete, drifting, episodes=1).summary.first_seed == 1_000_000


def test_observers_are_called_once_for_each_episode_in_order(discrete: Policy, drifting: EnvSpec) -> None:
    collected = Collector()
    report = evaluate(discrete, drifting, episodes=40, observer=collected)
    assert [episode.index for episode in collected.episodes] == list(range(40))
    assert [episode.return_ for episode in collected.episodes] == report.results.returns.tolist()
    assert [episode.length for episode in collected.episodes] == report.results.lengths.tolist()
    assert [episode.outcome for episode in collected.episodes] == report.results.outcomes


# The report


def test_the_report_has_the_promised_entries(discrete: Policy, tiny_discrete: Path) -> None:
    """DESIGN: schema `lander.evaluation/1`."""
    data = evaluate(discrete, episodes=3).to_json()
    assert set(data) == {
        "schema", "policy", "env", "provider", "deterministic", "first_seed", "episodes", "mean_return",
        "std_return", "ci95", "iqm_return", "min_return", "max_return", "success_rate", "mean_length",
        "returns", "lengths", "outcomes", "steps_per_second", "versions", "median_return", "cvar05_return",
        "mean_minus_std", "success_ci95", "outcome_counts", "mean_measures", "measures", "warnings",
        "report_sha256", "episodes_sha256", "engine", "lanes", "seconds",
    }  # fmt: skip
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["schema"] == "lander.evaluation/1"
    assert data["policy"] == {"path": str(tiny_discrete), "sha256": discrete.sha256}
    assert data["env"] == {
        "id": "LunarLander-v3", "kwargs": {}, "wrappers": [],
        "max_episode_steps": 1000, "reward_threshold": 200.0,
    }  # fmt: skip
    assert data["provider"] == "CPUExecutionProvider"
    assert data["deterministic"] is True
    assert (data["first_seed"], data["episodes"]) == (1_000_000, 3)
    assert data["mean_return"] == pytest.approx(sum(data["returns"]) / 3)
    assert data["mean_length"] == pytest.approx(sum(data["lengths"]) / 3)
    assert (data["min_return"], data["max_return"]) == (min(data["returns"]), max(data["returns"]))
    assert data["ci95"][0] <= data["mean_return"] <= data["ci95"][1]
    assert data["success_rate"] == 0.0
    assert set(data["outcomes"]) <= {"landed", "crashed", "flew off", "timed out"}
    assert data["steps_per_second"] > 0
    assert data["versions"]["platform"] == f"{platform.system()} {platform.machine()}"
    assert {"python", "lander-rl", "onnxruntime", "gymnasium", "box2d", "numpy"} <= set(data["versions"])


def test_one_episode_makes_a_report_too(discrete: Policy, drifting: EnvSpec) -> None:
    data = evaluate(discrete, drifting, episodes=1).to_json()
    assert data["ci95"] is None
    json.dumps(data, allow_nan=False)


def test_success_is_measured_by_the_environments_threshold(discrete: Policy, drifting: EnvSpec) -> None:
    """The double's threshold is 0."""
    report = evaluate(discrete, drifting, episodes=40)
    wins = sum(value >= 0 for value in report.results.returns)
    assert 0 < wins < 40
    assert report.summary.success_rate == wins / 40


def test_without_a_threshold_there_is_no_success_rate(
    continuous: Policy, drifting_continuous: EnvSpec
) -> None:
    assert evaluate(continuous, drifting_continuous, episodes=2).summary.success_rate is None


def test_versions_are_of_what_is_installed() -> None:
    versions = installed_versions("numpy", "no-such-distribution")
    assert versions["numpy"] == np.__version__
    assert set(versions) == {"python", "numpy"}


# Plain functions


def test_a_plain_function_can_be_scored(drifting: EnvSpec, coast: Callable[..., Any]) -> None:
    report = evaluate(coast, drifting, episodes=4)
    assert len(report.results) == 4
    data = report.to_json()
    assert data["policy"] == {"path": None, "sha256": None}
    assert data["provider"] is None
    json.dumps(data, allow_nan=False)


class Controller:
    """The one that comes with Gymnasium, one observation after the other."""

    def __init__(self) -> None:
        self._env = gymnasium.make("LunarLander-v3").unwrapped

    def __call__(self, obs: NDArray[Any]) -> NDArray[Any]:
        from gymnasium.envs.box2d.lunar_lander import heuristic

        return np.array([heuristic(self._env, row) for row in obs])


def test_the_controller_that_comes_with_gymnasium_lands() -> None:
    report = evaluate(Controller(), "LunarLander-v3", episodes=100)
    assert 200 < report.summary.mean_return < 290
    assert report.summary.success_rate is not None
    assert 0.8 < report.summary.success_rate < 1
    assert report.results.outcomes.count("landed") > 80
    assert 150 < report.summary.mean_length < 350


@pytest.mark.slow
def test_over_a_thousand_episodes_the_controller_scores_what_others_found() -> None:
    """237 +- 106, give or take four standard errors: 4 * 106 / sqrt(1000) of the mean is 13."""
    report = evaluate(Controller(), "LunarLander-v3", episodes=1000)
    assert report.summary.mean_return == pytest.approx(237, abs=13)
    assert report.summary.std_return == pytest.approx(106, abs=15)


# What is refused


@pytest.mark.parametrize(
    "arguments",
    [{"episodes": 0}, {"episodes": -1}, {"lanes": 0}, {"lanes": -3}, {"first_seed": -1}],
    ids=repr,
)
def test_numbers_out_of_range_are_refused(discrete: Policy, drifting: EnvSpec, arguments: Any) -> None:
    with pytest.raises(UsageError, match="at least"):
        evaluate(discrete, drifting, **arguments)


def test_a_plain_function_needs_an_environment(coast: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="Name the environment"):
        evaluate(coast)


def test_a_plain_function_cannot_be_sampled(drifting: EnvSpec, coast: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="sampled"):
        evaluate(coast, drifting, sampled=True)


def test_an_environment_that_the_policy_does_not_fit_is_refused(
    discrete: Policy, continuous: Policy, drifting: EnvSpec, drifting_continuous: EnvSpec
) -> None:
    """Four observations for eight, and actions of the other kind."""
    for policy, spec in (
        (discrete, envs.resolve("CartPole-v1")),
        (discrete, drifting_continuous),
        (continuous, drifting),
    ):
        with pytest.raises(LanderError, match=r"(?i)expect"):
            evaluate(policy, spec, episodes=2)


def test_an_observation_that_numpy_would_broadcast_is_refused(
    discrete: Policy, register: Callable[..., str], drifting_class: type[Any]
) -> None:
    """`[1]` broadcasts to `[8]`: the score would be of a policy that saw one number eight times."""

    class Narrow(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)

        def reset(self, **options: Any) -> tuple[Any, Any]:
            obs, info = super().reset(**options)
            return obs[:1], info

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            obs, *rest = super().step(action)
            return (obs[:1], *rest)

    with pytest.raises(LanderError, match=r"(?i)expect"):
        evaluate(discrete, EnvSpec(register(Narrow)), episodes=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_observation_that_is_not_finite_is_refused(
    discrete: Policy, register: Callable[..., str], drifting_class: type[Any], bad: float
) -> None:
    class NotFinite(drifting_class):  # type: ignore[misc, valid-type]
        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            obs, *rest = super().step(action)
            obs[2] = bad
            return (obs, *rest)

    with pytest.raises(
        (UsageError, EnvironmentFailed),
        match=f"holds {bad} at index|returned NaN in observation.2. in step 1",
    ):
        evaluate(discrete, EnvSpec(register(NotFinite)), episodes=2)


@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e101])
def test_a_return_that_is_not_finite_is_refused_with_its_seed(
    discrete: Policy, register: Callable[..., str], drifting_class: type[Any], bad: float
) -> None:
    """NaN and infinity are no JSON, and a report with 1e101 could not be read back."""

    class Unrewarding(drifting_class):  # type: ignore[misc, valid-type]
        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            obs, _, terminated, truncated, info = super().step(action)
            return obs, bad, terminated, truncated, info

    with pytest.raises(
        (UsageError, EnvironmentFailed), match=r"seed 7 returned|reward in step 1.* of seed 7"
    ):
        evaluate(discrete, EnvSpec(register(Unrewarding)), episodes=2, first_seed=7)
