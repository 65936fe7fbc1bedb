"""The loop that runs episodes: every seed once, in order, and never two episodes mixed up."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime import EnvironmentFailed, EnvSpec, Policy, UsageError
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.episode import Keep
from lander_runtime.episodes.fleet import Fleet, run_episodes

Generators = Sequence[np.random.Generator]


def largest(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
    """Picks the largest of the first four components."""
    return obs[:, :4].argmax(axis=1)


def at_random(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
    """Draws each row's action from that row's generator."""
    return np.array([generator.integers(4) for generator in generators])


def by_hand(spec: EnvSpec, seed: int) -> tuple[float, int]:
    """Return and length of `largest` on one seed, with nothing but Gymnasium."""
    env = gymnasium.make(spec.id, max_episode_steps=spec.max_episode_steps)
    obs, _ = env.reset(seed=seed)
    total, length, over = 0.0, 0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(obs[:4].argmax())
        total, length, over = total + float(reward), length + 1, terminated or truncated
    env.close()
    return total, length


@pytest.mark.parametrize("lanes", [1, 3, 32])
def test_episodes_are_what_gymnasium_gives(drifting: EnvSpec, lanes: int) -> None:
    seeds = [40, 7, 1_000_000, 0, 7, 99, 123, 2**31]
    episodes = run_episodes(largest, drifting, seeds, lanes=lanes)
    assert [(episode.index, episode.seed) for episode in episodes] == list(enumerate(seeds))
    assert [(episode.return_, episode.length) for episode in episodes] == [
        by_hand(drifting, seed) for seed in seeds
    ]


def test_terminated_and_truncated_episodes_have_different_outcomes(drifting: EnvSpec) -> None:
    episodes = run_episodes(largest, drifting, range(40))
    assert {episode.outcome for episode in episodes} == {"terminated", "timed out"}
    for episode in episodes:
        assert (episode.outcome == "timed out") == (by_hand_length(episode.seed) > 15)
        assert episode.length == min(by_hand_length(episode.seed), 15)


def by_hand_length(seed: int) -> int:
    """The length that `DriftingEnv` draws first of all."""
    generator, _ = gymnasium.utils.seeding.np_random(seed)
    return int(generator.integers(3, 21))


@pytest.mark.parametrize("actor", [largest, at_random])
def test_the_order_of_the_seeds_does_not_matter(drifting: EnvSpec, actor: Any) -> None:
    seeds = np.random.default_rng(2).permutation(60).tolist()
    shuffled = run_episodes(actor, drifting, seeds, lanes=7)
    ordered = run_episodes(actor, drifting, range(60), lanes=5)
    assert {episode.seed: (episode.return_, episode.length) for episode in shuffled} == {
        episode.seed: (episode.return_, episode.length) for episode in ordered
    }


def test_an_episode_has_its_own_generator(drifting: EnvSpec) -> None:
    """The same seed gives the same draws, whatever runs in the other lanes or ran before."""
    episodes = run_episodes(at_random, drifting, [5, 1, 5, 2, 3, 5], lanes=2)
    assert len({episode.return_ for episode in episodes if episode.seed == 5}) == 1
    assert len({episode.return_ for episode in episodes}) == 4


def test_actions_are_not_drawn_from_the_stream_of_the_environment(drifting: EnvSpec) -> None:
    """Gymnasium seeds its generator with the episode's seed; the same numbers must not choose the actions."""
    drawn = {}

    def drawing(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
        drawn.setdefault(len(drawn), generators[0].random())
        return largest(obs, generators)

    run_episodes(drawing, drifting, [77])
    world, _ = gymnasium.utils.seeding.np_random(77)
    assert set(drawn.values()).isdisjoint(world.random(1000).tolist())


@pytest.mark.parametrize("lanes", [1, 3, 32])
def test_the_actor_gets_only_the_lanes_that_still_run(drifting: EnvSpec, lanes: int) -> None:
    batches = []

    def watching(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
        assert obs.shape == (len(generators), 8)
        assert obs.dtype == np.float32
        batches.append(len(obs))
        return largest(obs, generators)

    episodes = run_episodes(watching, drifting, range(60), lanes=lanes)
    assert max(batches) == lanes
    assert sorted(batches, reverse=True) == batches, "a lane that fell idle has nothing left to do"
    assert sum(batches) == sum(episode.length for episode in episodes)
    assert batches.count(lanes) >= len(batches) - 15, "idle during the last episode at most, 15 steps"


def test_more_lanes_than_episodes_are_not_opened(drifting: EnvSpec) -> None:
    batches = []

    def watching(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
        batches.append(len(obs))
        return largest(obs, generators)

    run_episodes(watching, drifting, range(4), lanes=1000)
    assert max(batches) == 4


def test_no_seeds_are_no_episodes(drifting: EnvSpec) -> None:
    assert run_episodes(largest, drifting, []) == []


@pytest.mark.parametrize("lanes", [1, 3])
def test_lanes_are_closed_at_the_end_and_after_an_error(
    register: Callable[..., str], drifting_class: type[Any], lanes: int
) -> None:
    class Closing(drifting_class):  # type: ignore[misc, valid-type]
        closed = 0

        def close(self) -> None:
            type(self).closed += 1

    spec = EnvSpec(register(Closing))
    run_episodes(largest, spec, range(5), lanes=lanes)
    assert Closing.closed == lanes

    def failing(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_episodes(failing, spec, range(5), lanes=lanes)
    assert Closing.closed == 2 * lanes


def test_a_lander_is_the_same_fresh_and_used(discrete: Policy) -> None:
    """Box2D keeps worlds of its own; nothing of one episode may leak into the next of that copy."""
    spec, actor = discrete.info.env, actor_of(discrete)
    used = run_episodes(actor, spec, range(8), lanes=1)
    fresh = [run_episodes(actor, spec, [seed])[0] for seed in range(8)]
    assert [(e.return_, e.length, e.outcome) for e in used] == [
        (e.return_, e.length, e.outcome) for e in fresh
    ]


def test_drawing_a_lander_does_not_change_its_episode(discrete: Policy) -> None:
    """Rendered, Gymnasium adds particles to the world; they must stay decoration."""
    spec, actor = discrete.info.env, actor_of(discrete)
    assert run_episodes(actor, spec, range(4), render_mode="rgb_array") == run_episodes(actor, spec, range(4))


def test_trajectories_are_kept_whole_however_long(
    register: Callable[..., str], drifting_class: type[Any]
) -> None:
    """A long one first, so that a short one follows in its place; the observations are those of Gymnasium."""

    class Long(drifting_class):  # type: ignore[misc, valid-type]
        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
            obs, info = super().reset(seed=seed)
            self._left = {5: 700, 6: 2, 7: 256}[seed or 0]
            return obs, info

    spec = EnvSpec(register(Long))
    keep = Keep(actions=True, observations=True)
    episodes = run_episodes(largest, spec, [5, 6, 7], lanes=1, keep=keep)
    assert [episode.length for episode in episodes] == [700, 2, 256]
    env = gymnasium.make(spec.id)
    for episode in episodes:
        assert episode.trajectory is not None
        obs, _ = env.reset(seed=episode.seed)
        expected, rewards = [obs], []
        for action in episode.trajectory.actions.tolist():
            obs, reward, *_ = env.step(action)
            expected.append(obs)
            rewards.append(reward)
        np.testing.assert_array_equal(episode.trajectory.observations, expected)
        assert episode.trajectory.observations.dtype == np.float32
        assert episode.trajectory.rewards.tolist() == rewards
    env.close()


@pytest.mark.parametrize("culprit", ["environment", "policy"])
def test_kept_actions_are_those_that_were_chosen(
    register: Callable[..., str], drifting_class: type[Any], culprit: str
) -> None:
    """An environment may write into its action, and a function may hand out one array again and again."""

    class Writing(drifting_class):  # type: ignore[misc, valid-type]
        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            result = super().step(action)
            action *= 0.0
            return result

    chosen: list[NDArray[Any]] = []
    buffer = np.empty((1, 2), np.float32)

    def first_two(obs: NDArray[Any], generators: Generators) -> NDArray[Any]:
        actions = np.clip(obs[:, :2], -1.0, 1.0)
        chosen.append(actions[0].copy())
        if culprit == "environment":
            return actions
        buffer[:] = actions
        return buffer

    spec = EnvSpec(register(Writing if culprit == "environment" else drifting_class), {"continuous": True})
    [episode] = run_episodes(first_two, spec, [3], lanes=1, keep=Keep(actions=True))
    assert episode.trajectory is not None
    np.testing.assert_array_equal(episode.trajectory.actions, chosen)


def test_images_are_not_kept_of_every_step(register: Callable[..., str], drifting_class: type[Any]) -> None:
    """32 lanes of 1,000 steps of a picture of 96 x 96 would be 900 MB."""

    class Seen(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(0, 255, (96, 96, 3), np.uint8)

    spec = EnvSpec(register(Seen))
    with pytest.raises(UsageError, match="27,648 bytes"):
        Fleet(largest, spec, keep=Keep(observations=True))
    Fleet(largest, spec, keep=Keep(actions=True)).close()


def test_a_lane_that_cannot_be_opened_closes_the_others(
    register: Callable[..., str], drifting_class: type[Any]
) -> None:
    events: list[str] = []

    class Scarce(drifting_class):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            if events == ["opened", "opened"]:
                raise OSError("no more of them")
            super().__init__()
            events.append("opened")

        def close(self) -> None:
            events.append("closed")

    with pytest.raises(EnvironmentFailed, match="no more of them"):
        Fleet(largest, EnvSpec(register(Scarce)), lanes=3)
    assert events == ["opened", "opened", "closed", "closed"]
