"""Doom's episodes: how they end, what they show, and that a seed decides everything."""

import importlib.util
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

from doom_helpers import BASIC, CENTER, GATHERING, SCENARIOS, SCREEN, SHOOT, WAIT, opened
from lander_runtime import EnvSpec, envs, evaluate
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.pictures.record import record_episode

if importlib.util.find_spec("vizdoom") is None:
    pytest.skip("vizdoom is not installed (the extra `doom`)", allow_module_level=True)

import vizdoom

DOUBLES = Path(__file__).parents[2] / "doubles"


def waiting(observations: Any) -> Any:
    return np.full(len(observations), WAIT)


def run(env: gymnasium.Env[Any, Any], seed: int, actions: list[int]) -> tuple[list[bytes], list[float]]:
    """The pictures and rewards of an episode, as far as `actions` lead."""
    obs, _ = env.reset(seed=seed)
    pictures, rewards = [obs.tobytes()], []
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        pictures.append(obs.tobytes())
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return pictures, rewards


def test_a_timeout_is_truncated_and_shows_the_last_live_picture() -> None:
    """vizdoom calls it terminated too, and gives zeros."""
    spec = EnvSpec(BASIC, {"frame_skip": 4, "screen_resolution": "RES_160X120"}, SCREEN)
    with opened(spec) as env:
        obs, _ = env.reset(seed=0)
        terminated = truncated = False
        steps = 0
        while not (terminated or truncated):
            last = np.array(obs)
            obs, reward, terminated, truncated, _ = env.step(WAIT)
            steps += 1
        assert (steps, terminated, truncated, reward) == (75, False, True, -4.0)
        assert obs.any()
        np.testing.assert_array_equal(obs, last)


def test_a_death_is_terminated_and_shows_the_last_live_picture() -> None:
    with opened(EnvSpec(CENTER, {"frame_skip": 4}, SCREEN)) as env:
        obs, _ = env.reset(seed=0)
        terminated = truncated = False
        while not (terminated or truncated):
            last = np.array(obs)
            obs, reward, terminated, truncated, _ = env.step(WAIT)
        assert (terminated, truncated, reward) == (True, False, -1.0)
        np.testing.assert_array_equal(obs, last)


def test_a_death_in_the_very_tic_of_the_timeout_is_a_death() -> None:
    """Nothing follows a death, so nothing must be bootstrapped from it; a tic earlier it is cut off."""

    def ending(limit: dict[str, int]) -> tuple[int, bool, bool]:
        with opened(EnvSpec(CENTER, {"screen_resolution": "RES_160X120", **limit}, SCREEN)) as env:
            env.reset(seed=0)
            steps, terminated, truncated = 0, False, False
            while not (terminated or truncated):
                _, _, terminated, truncated, _ = env.step(WAIT)
                steps += 1
        return steps, terminated, truncated

    steps, terminated, truncated = ending({})
    assert (terminated, truncated) == (True, False)
    assert ending({"episode_timeout": steps}) == (steps, True, False)
    assert ending({"episode_timeout": steps - 1}) == (steps - 1, False, True)


def test_a_limit_of_steps_is_truncated() -> None:
    with opened(EnvSpec(CENTER, {"frame_skip": 4}, SCREEN, max_episode_steps=3)) as env:
        env.reset(seed=0)
        assert [env.step(WAIT)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]


def test_pictures_are_not_overwritten_by_later_ones() -> None:
    with opened(EnvSpec(BASIC, {"frame_skip": 4}, SCREEN)) as env:
        first, _ = env.reset(seed=0)
        before = np.array(first)
        for _ in range(5):
            later = env.step(2)[0]
        assert (later != before).any()
        np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_a_seed_decides_everything_in_a_new_engine_and_in_a_used_one(env_id: str) -> None:
    actions = np.random.default_rng(0).integers(0, 4, 40).tolist()
    spec = envs.resolve(env_id)
    with opened(spec) as env:
        new = run(env, 9, actions)
        other = run(env, 10, actions)
        used = run(env, 9, actions)
    assert new == used
    assert new[0] != other[0]
    with opened(spec) as env:
        assert run(env, 10, actions) == other


def test_a_reset_without_a_seed_goes_on_from_the_last_seed() -> None:
    spec = envs.resolve(BASIC)

    def two_resets() -> list[bytes]:
        with opened(spec) as env:
            return [env.reset(seed=3)[0].tobytes(), env.reset()[0].tobytes(), env.reset()[0].tobytes()]

    pictures = two_resets()
    assert len(set(pictures)) == 3
    assert two_resets() == pictures


def test_a_report_is_the_same_with_any_engine_and_lanes(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In two other processes, which import vizdoom by themselves, and in lanes that are used again."""
    monkeypatch.syspath_prepend(DOUBLES)
    pilot = importlib.import_module("doom_pilots").by_the_picture
    one = evaluate(pilot, BASIC, episodes=20, lanes=3)
    two = evaluate(pilot, envs.resolve(BASIC), episodes=20, lanes=2, workers=2)
    assert one.sha256 == two.sha256
    assert len(set(one.results.returns.tolist())) > 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("env_id", "limit", "outcome"),
    [(BASIC, None, "timed out"), (CENTER, None, "died"), (CENTER, 5, "survived"), (GATHERING, None, "died")],
)
def test_outcomes_of_doing_nothing(env_id: str, limit: int | None, outcome: str) -> None:
    recipe = envs.resolve(env_id)
    spec = EnvSpec(recipe.id, recipe.kwargs, recipe.wrappers, max_episode_steps=limit)
    (episode,) = run_episodes(actor_of(waiting, sampled=False), spec, [0])
    assert episode.outcome == outcome


def test_a_monster_in_front_is_killed() -> None:
    """The first of some seeds in which shooting straight ahead hits."""
    shooting = actor_of(lambda observations: np.full(len(observations), SHOOT), sampled=False)
    episodes = run_episodes(shooting, envs.resolve(BASIC), range(12), lanes=4)
    killed = [episode for episode in episodes if episode.outcome == "monster killed"]
    assert killed
    assert {episode.outcome for episode in episodes} == {"monster killed", "timed out"}
    assert all(episode.return_ > 0 for episode in killed)


def test_an_episode_is_recorded_without_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "doom.gif"
    episode = record_episode(actor_of(waiting, sampled=False), CENTER, 0, path)
    (scored,) = run_episodes(actor_of(waiting, sampled=False), envs.resolve(CENTER), [0])
    assert (episode.return_, episode.length) == (scored.return_, scored.length)
    with Image.open(path) as gif:
        assert gif.size == (320, 240)
        # 35 tics a second, four to a step: 8.75 pictures.
        assert gif.info["duration"] == 110
        gif.seek(gif.n_frames - 1)  # type: ignore[attr-defined]
        last = np.asarray(gif.convert("RGB"))
    assert last[120:].std() > 10, "vizdoom draws an ended episode black"
    assert (last.max(axis=2) != last.min(axis=2)).any(), "in colour, whatever the policy sees"


def test_a_reward_for_health_is_paid_for_gains_alone_and_changes_nothing_else() -> None:
    """What training is shaped by: 4 for a point of health gained, nothing for one lost, the same game."""

    def moments_of(seed: int, **extra: Any) -> tuple[list[bytes], list[float], list[float]]:
        turns = np.random.default_rng(seed).integers(0, 7, 40).repeat(5)
        with opened(envs.resolve(GATHERING, {"max_buttons_pressed": 2, **extra})) as env:
            game = env.unwrapped.game  # type: ignore[attr-defined]
            obs, _ = env.reset(seed=seed)
            pictures, rewards = [obs.tobytes()], []
            health = [game.get_game_variable(vizdoom.GameVariable.HEALTH)]
            for action in turns:
                obs, reward, terminated, _, _ = env.step(action)
                pictures.append(obs.tobytes())
                rewards.append(float(reward))
                health.append(game.get_game_variable(vizdoom.GameVariable.HEALTH))
                if terminated:
                    break
        return pictures, rewards, np.diff(health).tolist()

    gains = []
    for seed in (3, 7):
        pictures, native, change = moments_of(seed)
        shaped_pictures, shaped, _ = moments_of(seed, health_reward=4)
        assert shaped_pictures == pictures
        extra = [more - less for more, less in zip(shaped, native, strict=True)]
        assert extra == [4 * max(points, 0.0) for points in change]
        assert min(change) < 0
        gains += [points for points in change if points > 0]
    assert gains, "the seeds were chosen because there are medikits in the way"
