"""Level replay: which seeds come again, how often, and in the simulator the episodes of those seeds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_simulator import LunarLanderBatch, why_unavailable
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.backends.levels import LEVELS, LevelReplay
from lander_trainer.backends.native import NativeBackend
from lander_trainer.plan import plan_training
from trainer_helpers import equal, settings, tensors, train_until

compiled = pytest.mark.skipif(why_unavailable() is not None, reason=str(why_unavailable()))

DISCRETE = "LunarLander-v3"
LANES = 16


def episodes(levels: LevelReplay, fails: Any, rounds: int) -> list[int]:
    """Episodes of one step each, which fail where `fails(seed)`; returns all seeds that were given."""
    levels.begin(list(range(LANES)))
    seeds, given = np.arange(LANES), []
    for _ in range(rounds):
        rewards = np.where([fails(int(seed)) for seed in seeds], -100.0, 250.0)
        lanes, seeds = levels.after(rewards, np.ones(LANES, bool))
        assert np.array_equal(lanes, np.arange(LANES))
        given += seeds.tolist()
    return given


def hard(seed: int) -> bool:
    return seed % 100 == 7


def test_only_failures_come_again_and_as_often_as_was_asked() -> None:
    given = episodes(LevelReplay(LANES, 1, 0.25, 200.0), hard, 2000)
    assert min(given) >= 0
    assert max(given) < FIRST_SELECTION_SEED
    # Seeds end in 07 once in a hundred fresh episodes, and in every one that comes again.
    assert np.mean([hard(seed) for seed in given]) == pytest.approx(0.25 + 0.75 / 100, abs=0.02)
    seeds, counts = np.unique(given, return_counts=True)
    assert all(hard(int(seed)) for seed in seeds[counts > 5])


def test_nothing_comes_again_where_nothing_fails() -> None:
    given = episodes(LevelReplay(LANES, 1, 0.9, 200.0), lambda seed: False, 500)
    assert len(set(given)) > 0.98 * len(given)


def test_level_that_is_mastered_makes_room() -> None:
    levels = LevelReplay(LANES, 1, 0.5, 200.0)
    first = episodes(levels, hard, 1000)
    kept = set(levels.state()["level_seeds"].tolist())
    assert kept <= set(first) | {0}
    # Now the seeds that end in 07 succeed and others fail: the old ones are drawn less and less.
    later = episodes(levels, lambda seed: seed % 100 == 8, 4000)[-1000:]
    assert np.mean([hard(seed) for seed in later]) < 0.05
    assert np.mean([seed % 100 == 8 for seed in later]) > 0.4


def test_return_of_an_episode_is_the_sum_of_its_rewards() -> None:
    levels = LevelReplay(2, 1, 0.5, 200.0)
    levels.begin([5, 6])
    for reward in (150.0, 40.0):
        assert levels.after(np.array([reward, reward]), np.zeros(2, bool))[0].tolist() == []
    lanes, _ = levels.after(np.array([20.0, 5.0]), np.array([True, True]))
    assert lanes.tolist() == [0, 1]
    assert levels.state()["level_seeds"].max() == 6
    assert (levels.state()["level_failing"] > 0).sum() == 1


def test_restored_levels_go_on_alike() -> None:
    one, other = LevelReplay(LANES, 1, 0.5, 200.0), LevelReplay(LANES, 99, 0.5, 200.0)
    episodes(one, hard, 300)
    other.restore(one.state())
    rewards, ended = np.full(LANES, -100.0), np.ones(LANES, bool)
    for _ in range(50):
        assert np.array_equal(one.after(rewards, ended)[1], other.after(rewards, ended)[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level_seeds", None),
        ("level_seeds", np.zeros(LEVELS - 1, np.int64)),
        ("level_seeds", np.full(LEVELS, -1)),
        ("level_running", np.full(LANES, -1)),
        ("level_places", np.full(LANES, LEVELS)),
        ("level_places", np.full(LANES, -2)),
        ("level_failing", np.full(LEVELS, np.nan)),
        ("level_failing", np.full(LEVELS, 2.0)),
        ("level_returns", np.full(LANES, np.inf)),
        ("level_draws", np.zeros(3, np.uint64)),
    ],
)
def test_damaged_state_is_refused(name: str, value: Any) -> None:
    state = LevelReplay(LANES, 1, 0.5, 200.0).state()
    state[name] = value
    with pytest.raises(InputRefused, match="state of the environments"):
        LevelReplay(LANES, 1, 0.5, 200.0).restore(state)


@compiled
def test_simulator_begins_the_episodes_of_the_levels() -> None:
    backend = NativeBackend(envs.resolve(DISCRETE), LANES, 3, 1, level_replay=0.9)
    backend.reset()
    alone, begun = LunarLanderBatch(1), []
    ended = np.zeros(LANES, bool)
    for _ in range(400):  # without engines every episode fails
        obs, _, terminated, truncated = backend.step(np.zeros(LANES, np.int64))
        running = backend.state()["level_running"]
        for lane in np.flatnonzero(ended):
            assert np.array_equal(obs[lane], alone.reset([int(running[lane])])[0])
            begun.append(int(running[lane]))
        ended = terminated | truncated
    backend.close()
    assert len(begun) > 40
    assert len(set(begun)) < 0.6 * len(begun)


def replaying(**values: Any) -> TrainConfig:
    plain = {"backend": "native", "rollout_steps": 64, "steps": 8 * 256, "selection_episodes": 0}
    return settings(DISCRETE, **{**plain, "level_replay": 0.5, **values})


@compiled
def test_interrupted_training_ends_like_one_that_was_not(
    run: RunDirectory, another_run: RunDirectory
) -> None:
    train(replaying(), run)
    train_until(replaying(), another_run, 5)
    assert not train(replaying(), another_run, resume=True).progress.resumed
    assert equal(tensors(run.checkpoint), tensors(another_run.checkpoint))
    assert Checkpoint.load(run.checkpoint).arrays("lanes")["level_failing"].max() > 0


def test_other_backends_do_not_have_it() -> None:
    with pytest.raises(UsageError, match="level_replay needs backend native, but backend is gymnasium"):
        plan_training(replaying(backend="gymnasium"))


@compiled
def test_it_needs_a_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = envs.resolve(DISCRETE)
    monkeypatch.setattr("lander_trainer.plan.envs.resolve", lambda *_: replace(plain, reward_threshold=None))
    with pytest.raises(UsageError, match="registered without one"):
        plan_training(replaying())
