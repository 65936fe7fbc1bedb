"""Selections during a run: when they happen, and that the best weights are kept, whatever the scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_trainer import Checkpoint, RunDirectory, train
from lander_trainer.ppo.schedule import selection_is_due
from trainer_environments import EchoEnv
from trainer_helpers import Recorder, equal, settings, train_until, weights


class FadingEnv(EchoEnv):
    """Pays nothing in training; on selection seeds it pays what `scores` says for that selection.

    A selection of one episode makes one copy, so the copies that are made after training's are counted.
    """

    scores: ClassVar[list[float]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self._pays = 0.0
        if seed is not None and seed >= FIRST_SELECTION_SEED:
            self._pays = self.scores.pop(0)
        return super().reset(seed=seed, options=options)

    def reward(self, action: Any) -> float:
        paid, self._pays = self._pays, 0.0
        return paid


# When.


def test_selection_happens_evenly_and_at_the_end(echo: str, run: RunDirectory) -> None:
    recorder = Recorder()
    train(settings(echo, selections=3), run, observer=recorder)
    assert [m.update for m in recorder.updates if m.selection_score is not None] == [2, 4, 6]


def test_more_selections_than_updates_select_every_time(echo: str, run: RunDirectory) -> None:
    recorder = Recorder()
    train(settings(echo, selections=50, steps=3 * 64), run, observer=recorder)
    assert all(m.selection_score is not None for m in recorder.updates)


@given(updates=st.integers(1, 300), selections=st.integers(1, 300))
@settings_of(max_examples=300)
def test_selections_are_evenly_spaced(updates: int, selections: int) -> None:
    # In floating point 29 / 100 * 100 is less than 29, which must not put a selection off.
    due = [
        selection_is_due(update / updates, (update + 1) / updates, selections) for update in range(updates)
    ]
    expected = [
        (update + 1) * selections // updates > update * selections // updates for update in range(updates)
    ]
    assert due == expected


def test_without_selection_there_is_no_best(echo: str, run: RunDirectory) -> None:
    result = train(settings(echo, selection_episodes=0), run)
    assert result.progress.best_score is None
    assert not run.best.exists()


# What is kept.


@pytest.mark.parametrize(
    ("scores", "best", "at_update"),
    [
        ([1.0, 3.0, 2.0], 3.0, 4),
        ([-5.0, -7.0, -6.0], -5.0, 2),
        ([0.0, -7.0, -6.0], 0.0, 2),
        ([3.0, 3.0, 2.0], 3.0, 4),
    ],
    ids=["positive", "negative", "zero", "the later of equals"],
)
def test_best_is_the_best_of_all_selections(
    register: Callable[..., str], run: RunDirectory, scores: list[float], best: float, at_update: int
) -> None:
    fading = type("Fading", (FadingEnv,), {"scores": list(scores)})
    env_id = register(fading, max_episode_steps=10)
    recorder = Recorder()
    result = train(settings(env_id, selections=3, selection_episodes=1), run, observer=recorder)
    assert [m.selection_score for m in recorder.updates if m.selection_score is not None] == scores
    assert result.progress.best_score == best
    assert Checkpoint.load(run.best).progress.best_score == best
    assert Checkpoint.load(run.best).progress.updates == at_update


def test_best_of_the_first_part_is_not_lost(register: Callable[..., str], run: RunDirectory) -> None:
    fading = type("Fading", (FadingEnv,), {"scores": [3.0, 2.0, 1.0]})
    config = settings(register(fading, max_episode_steps=10), selections=3, selection_episodes=1)
    train_until(config, run, 3)
    result = train(config, run, resume=True)
    assert result.progress.best_score == 3.0
    assert Checkpoint.load(run.best).progress.updates == 2


def test_best_weights_are_those_of_the_update_that_scored(echo: str, tmp_path: Path) -> None:
    run, again = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "again")
    run.path.mkdir()
    again.path.mkdir()
    train(settings(echo), run)
    best = Checkpoint.load(run.best).progress.updates
    train_until(settings(echo), again, best)
    assert equal(weights(run.best), weights(again.checkpoint))


def test_training_and_selection_share_no_seed_and_leave_those_of_scoring_alone(
    register: Callable[..., str], run: RunDirectory
) -> None:
    recording = type("Recording", (EchoEnv,), {"seeds": []})
    env_id = register(recording, max_episode_steps=10)
    train(settings(env_id, lanes=32, selection_episodes=8, selections=2, steps=1024), run)
    training = [seed for seed in recording.seeds if 0 <= seed < FIRST_SELECTION_SEED]
    selection = [seed for seed in recording.seeds if seed >= FIRST_SELECTION_SEED]
    # 32 rows a lane are three episodes of 10 rows and a dummy; no two have the same seed.
    assert len(training) == len(set(training)) == 32 * 3
    assert sorted(selection) == sorted(2 * list(range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + 8)))
    assert max(recording.seeds) < 1_000_000
