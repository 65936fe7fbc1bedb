"""The page's parts, by numbers worked out by hand: what is kept, scales, bars, paths and films."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from lander_runtime import EnvSpec, envs
from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.episode import Episode, Keep, Trajectory
from lander_runtime.page import PageObserver
from lander_runtime.page.charts.histogram import edges_of, range_of
from lander_runtime.page.charts.outcomes import slots_of
from lander_runtime.page.charts.scales import Scale, in_words, round_step
from lander_runtime.page.charts.scatter import MOST, scatter
from lander_runtime.page.charts.timeline import STEPS, timeline
from lander_runtime.page.charts.trajectories import path_of
from lander_runtime.page.elements import document, element
from lander_runtime.page.films import shrunk
from lander_runtime.pictures.gif import GifWriter
from lander_runtime.scores.results import Results
from lander_runtime.spec import Component, WrapperSpec

LANDER = EnvSpec("LunarLander-v3")


def episode(index: int, return_: float, steps: int = 2) -> Episode:
    trajectory = Trajectory(
        np.zeros(steps, np.int64), np.zeros(steps), np.full((steps + 1, 8), index, np.float32)
    )
    return Episode(index, 1_000_000 + index, return_, steps, f"outcome {index % 3}", trajectory=trajectory)


def test_of_many_episodes_the_first_tracks_and_two_trajectories_are_kept() -> None:
    observed = PageObserver(LANDER)
    returns = [3.0, 1.0, 5.0, 1.0, 5.0] * 30
    for index, value in enumerate(returns):
        observed.on_episode(episode(index, value))
    assert [outcome for outcome, _ in observed.tracks] == [f"outcome {index % 3}" for index in range(50)]
    assert all(track.shape == (3, 2) for _, track in observed.tracks)
    assert observed.best is not None
    assert observed.worst is not None
    # The first one where several returned the same.
    assert (observed.best.index, observed.worst.index) == (2, 1)


def test_observations_are_kept_only_where_they_can_be_drawn() -> None:
    assert PageObserver(LANDER).keep == Keep(actions=True, observations=True)
    assert PageObserver(EnvSpec("CarRacing-v3")).keep == Keep(actions=True)
    # A wrapper may move the components, so their meaning is no longer known.
    wrapped = replace(LANDER, wrappers=(WrapperSpec("TimeAwareObservation"),))
    assert PageObserver(wrapped).keep == Keep(actions=True)


@pytest.mark.parametrize("env_id", ["LunarLander-v3", "LunarLanderContinuous-v3"])
def test_the_landers_track_is_where_its_picture_shows_it(env_id: str) -> None:
    """The hull is drawn in (128, 102, 230); its middle is less than its size away from the body's origin."""
    env = envs.make(EnvSpec(env_id), "rgb_array")
    track = knowledge_of(env_id).track
    assert track is not None
    obs, _ = env.reset(seed=7)
    action: Any = 3 if env_id == "LunarLander-v3" else np.array([-1.0, 1.0], np.float32)
    seen = []
    for step in range(60):
        if step % 15 == 14:
            frame = np.asarray(env.render())
            rows, columns = np.nonzero((frame == (128, 102, 230)).all(axis=2))
            seen.append([columns.mean(), rows.mean()])
            [place] = track(obs[None])
            assert np.abs(place - seen[-1]).max() < 6
        obs, *_ = env.step(action)
    env.close()
    assert np.ptp(np.array(seen), axis=0).min() > 15, "it moved in both directions"


@pytest.mark.parametrize("env_id", ["LunarLander-v3", "LunarLanderContinuous-v3"])
def test_what_is_drawn_in_pairs_is_measured(env_id: str) -> None:
    known = knowledge_of(env_id)
    assert len(known.pairs) == 2
    assert {component for pair in known.pairs for component in pair} <= set(known.measures)


def test_markup_is_made_from_elements_only() -> None:
    node = element("p", "<b>", element("i", "&"), "</p>", None, title='"<', data_x=1.0, aria_hidden=None)
    markup = '<p title="&quot;<" data-x="1">&lt;b&gt;<i>&amp;</i>&lt;/p&gt;</p>'
    assert document(node) == f"<!DOCTYPE html>\n{markup}\n"


@pytest.mark.parametrize(
    ("size", "step"), [(1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (5.1, 10.0), (0.03, 0.05), (700.0, 1000.0)]
)
def test_round_steps(size: float, step: float) -> None:
    assert round_step(size) == pytest.approx(step)


def test_a_scale_and_its_ticks() -> None:
    scale = Scale(-10.0, 30.0, 100.0, 0.0)
    assert [scale(-10.0), scale(0.0), scale(30.0)] == [100.0, 75.0, 0.0]
    assert scale.ticks(4) == [-10.0, 0.0, 10.0, 20.0, 30.0]
    assert [in_words(value) for value in (-1234.5, 0.1 + 0.2)] == ["\N{MINUS SIGN}1,234.5", "0.3"]


def test_bars_begin_at_round_numbers() -> None:
    # From 0 to 75 in at most 40: 1.875 a bar, rounded up to 2.
    edges = edges_of(np.array([0.5, 75.5]))
    assert edges.tolist() == [2.0 * number for number in range(39)]
    assert edges_of(np.array([4.0, 4.0])).tolist() == [3.5, 4.5]


@settings(derandomize=True, deadline=None, database=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_every_return_is_in_one_of_few_bars(values: list[float]) -> None:
    returns = np.array(values)
    edges = edges_of(returns)
    assert len(edges) <= 43
    assert np.histogram(returns, edges)[0].sum() == len(returns)


def test_the_range_includes_a_threshold_that_is_near() -> None:
    edges = np.array([10.0, 20.0])
    assert range_of(edges, 5.0) == (5.0, 20.0)
    assert range_of(edges, 29.0) == (10.0, 29.0)
    assert range_of(edges, 31.0) == (10.0, 20.0)
    assert range_of(edges, None) == (10.0, 20.0)


def test_paths_leave_out_invisible_points_but_never_the_end() -> None:
    points = np.array([[0, 0], [1, 1], [2.96, 0], [3, 4], [3.2, 4.1]])
    # Less than 3 pixels away: the second and the third point; the last one is the end.
    assert path_of(points) == "M0 0l3 4 0.2 0.1"
    assert path_of(points[:1]) == "M0 0l"


def results(codes: list[int], returns: list[float], measures: dict[Component, Any]) -> Results:
    return Results(
        np.array(returns),
        np.ones(len(returns), np.int32),
        ("bad", "good"),
        np.array(codes, np.uint8),
        measures,
    )


def test_the_outcome_with_the_best_returns_has_the_first_colour() -> None:
    assert slots_of(results([0, 1, 0], [-5.0, 7.0, 2.0], {})) == {"good": 0, "bad": 1}


def test_a_mark_for_each_episode_that_has_both() -> None:
    x, y = Component("x"), Component("y")
    found = results(
        [0, 1, 1, 1],
        [0.0] * 4,
        {x: np.array([0.0, 10.0, np.nan, 5.0]), y: np.array([0.0, 1.0, 1.0, np.nan])},
    )
    drawn = scatter(found, x, y, {"good": 0, "bad": 1})
    assert drawn is not None
    marks = [node.get("d") for node in drawn.findall("path")]
    assert sorted(mark.count("M") for mark in marks if mark is not None) == [1, 1]
    assert scatter(results([0], [0.0], {x: np.array([np.nan]), y: np.array([1.0])}), x, y, {"bad": 0}) is None


def test_of_many_episodes_not_all_are_marked() -> None:
    x, count = Component("x"), MOST + 10
    found = results([0] * count, [0.0] * count, {x: np.arange(count, dtype=np.float64)})
    drawn = scatter(found, x, x, {"bad": 0, "good": 1})
    assert drawn is not None
    assert [(node.get("d") or "").count("M") for node in drawn.findall("path")] == [MOST]


def test_of_a_long_episode_the_end_is_drawn() -> None:
    steps = STEPS + 500
    actions = np.zeros(steps, np.int64)
    actions[:400], actions[-100:] = 2, 1
    trajectory = Trajectory(actions, np.ones(steps), np.empty(0))
    drawn = timeline("t", Episode(0, 0, float(steps), steps, "o", trajectory=trajectory), ["a", "b", "c"])
    assert drawn is not None
    # A run of a, a run of b; that of c was before.
    assert [(node.get("d") or "").count("M") for node in drawn.iter("path")] == [1, 1]
    [curve] = drawn.iter("polyline")
    assert len((curve.get("points") or "").split()) == STEPS
    assert "Steps by action: a in 2000, b in 100, c in 400." in (drawn.findtext("desc") or "")


def test_a_chart_without_a_kept_trajectory_is_none() -> None:
    assert timeline("t", Episode(0, 0, 1.0, 3, "o"), []) is None


@pytest.mark.parametrize("fps", [50, 4])
def test_a_film_that_is_too_large_is_made_smaller_and_no_shorter(tmp_path: Path, fps: int) -> None:
    path = tmp_path / "film.gif"
    noise = np.random.default_rng(0)
    with GifWriter(path, frames_per_second=fps) as gif:
        for _ in range(40):
            gif.add(noise.integers(0, 255, (60, 91, 3), np.uint8))
    smaller = shrunk(path)
    with Image.open(path) as before, Image.open(smaller) as after:
        lengths = [sum(f.info["duration"] for f in ImageSequence.Iterator(film)) for film in (before, after)]
        assert after.size == (45, 30)
        assert abs(lengths[0] - lengths[1]) <= 2 * (1000 // fps)
        assert getattr(after, "n_frames", 0) <= getattr(before, "n_frames", 0) // 2 + 2
    assert smaller.stat().st_size < path.stat().st_size / 4
