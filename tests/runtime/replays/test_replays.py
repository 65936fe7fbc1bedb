"""Replay files: what is written is read again, and a change is found at its step."""

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lander_runtime import EnvSpec, Policy, UsageError, evaluate
from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.episodes.episode import Episode, Trajectory
from lander_runtime.json_data.fields import Fields
from lander_runtime.replays import EpisodeCheck, Header, ReplayFile, ReplayVerifier, ReplayWriter, header_for
from lander_runtime.spec import Space
from recorded_files import FINITE, SPACES, Change, Lines, saved

PROPERTY = settings(settings.get_profile("lander"), max_examples=100)


@st.composite
def spaces_and_episodes(draw: st.DrawFn) -> tuple[Space, Episode]:
    """Any space and an episode of it, every bit of every number free."""
    space = draw(st.sampled_from(SPACES))
    steps = draw(st.integers(1, 6))
    shape = (steps, *space.shape)
    if space.type == "Discrete":
        actions = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 3)))
    elif space.dtype == "uint8":
        actions = draw(hnp.arrays(np.uint8, shape))
    else:
        width = 32 if space.dtype == "float32" else 64
        bounds: dict[str, Any] = {"min_value": -1.0, "max_value": 1.0} if space.low is not None else {}
        elements = st.floats(width=width, allow_nan=False, allow_infinity=False, **bounds)
        actions = draw(hnp.arrays(space.dtype, shape, elements=elements))
    rewards = draw(hnp.arrays(np.float64, (steps,), elements=FINITE))
    trajectory = Trajectory(actions, rewards, np.empty(0))
    return space, Episode(
        0,
        draw(st.integers(0, 2**62)),
        draw(FINITE),
        steps,
        draw(st.text().filter(str.isprintable)),
        (),
        trajectory,
    )


@PROPERTY
@given(spaces_and_episodes())
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, made: tuple[Space, Episode]) -> None:
    space, episode = made
    header = Header(
        EnvSpec("Some-v0"),
        space,
        "a" * 64,
        ("Assumed.",),
        True,
        episode.seed,
        1,
        {"python": "3"},
        "Linux riscv64",
    )
    path = tmp_path_factory.getbasetemp() / "round.jsonl.gz"
    with ReplayWriter(path, header) as writer:
        writer.on_episode(episode)
    replay = ReplayFile(path)
    assert replay.header == header
    [found] = replay
    assert episode.trajectory is not None
    assert found.actions.dtype == episode.trajectory.actions.dtype
    assert found.actions.tobytes() == episode.trajectory.actions.tobytes()
    assert found.rewards.tobytes() == episode.trajectory.rewards.tobytes()
    claims = (found.seed, found.length, found.outcome)
    assert claims == (episode.seed, episode.length, episode.outcome)
    assert (found.return_, math.copysign(1, found.return_)) == (
        episode.return_, math.copysign(1, episode.return_),
    )  # fmt: skip


def verified(path: Path) -> tuple[ReplayVerifier, list[EpisodeCheck]]:
    replay = ReplayFile(path)
    with ReplayVerifier(replay.header) as verifier:
        return verifier, [verifier.verify(recorded) for recorded in replay]


# What is verified


@pytest.mark.parametrize("sampled", [False, True])
def test_a_replay_gives_the_same_report(
    tmp_path: Path, discrete: Policy, drifting: EnvSpec, sampled: bool
) -> None:
    report = saved(tmp_path / "r.jsonl.gz", discrete, drifting, sampled=sampled)
    verifier, checks = verified(tmp_path / "r.jsonl.gz")
    assert [check.divergence for check in checks] == [None] * 5
    assert [check.return_ for check in checks] == report.results.returns.tolist()
    replayed = verifier.report()
    assert replayed is not None
    assert replayed.sha256 == report.sha256


def test_a_file_with_the_word_of_an_earlier_version_is_as_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CartPole's episodes that last to the limit were once said to have timed out."""
    spec = EnvSpec("CartPole-v1", max_episode_steps=9)

    def push_left(obs: Any) -> Any:
        return np.zeros(len(obs), np.int64)

    with monkeypatch.context() as earlier:
        earlier.setattr("lander_runtime.episodes.lane.knowledge_of", lambda env_id: Knowledge())
        report = saved(tmp_path / "r.jsonl.gz", push_left, spec)
    assert set(report.results.outcome_names) == {"timed out", "terminated"}
    verifier, checks = verified(tmp_path / "r.jsonl.gz")
    assert [check.divergence for check in checks] == [None] * 5
    replayed = verifier.report()
    assert replayed is not None
    assert replayed.sha256 == report.sha256
    # The plain word for the other end is no more true than before.
    with gzip.open(tmp_path / "r.jsonl.gz", "rt") as file:
        text = file.read()
    swapped = text.replace("timed out", "?").replace("terminated", "timed out").replace("?", "terminated")
    (tmp_path / "r.jsonl.gz").write_bytes(gzip.compress(swapped.encode()))
    _, checks = verified(tmp_path / "r.jsonl.gz")
    assert {check.divergence.what for check in checks if check.divergence} == {"outcome"}
    assert all(check.divergence for check in checks)


def test_a_continuous_episode_of_the_lander(tmp_path: Path, continuous: Policy) -> None:
    """With its measures, which come from observations that are not in the file."""
    report = saved(tmp_path / "r.jsonl.gz", continuous, continuous.info.env, episodes=3)
    verifier, _ = verified(tmp_path / "r.jsonl.gz")
    replayed = verifier.report()
    assert replayed is not None
    assert replayed.sha256 == report.sha256


def test_part_of_a_file_makes_no_report(tmp_path: Path, discrete: Policy, drifting: EnvSpec) -> None:
    saved(tmp_path / "r.jsonl.gz", discrete, drifting)
    replay = ReplayFile(tmp_path / "r.jsonl.gz")
    with ReplayVerifier(replay.header) as verifier:
        verifier.verify(next(iter(replay)))
        assert (verifier.verified, verifier.report()) == (1, None)


def test_workers_and_lanes_make_the_same_bytes(tmp_path: Path, discrete: Policy) -> None:
    """Nor does the time of day or the file's name get into it."""
    for name, options in (("one", {}), ("two", {"workers": 2}), ("lanes", {"lanes": 3})):
        saved(tmp_path / name, discrete, discrete.info.env, episodes=20, **options)
    one = (tmp_path / "one").read_bytes()
    assert one == (tmp_path / "two").read_bytes() == (tmp_path / "lanes").read_bytes()
    assert one[3:8] == bytes(5), "no name, no time"


# What was changed


def nudge_reward(lines: Lines) -> None:
    """By the smallest amount there is."""
    lines[2]["rewards"][1] = math.nextafter(lines[2]["rewards"][1], math.inf)


def another_action(lines: Lines) -> None:
    lines[2]["actions"][1] = (lines[2]["actions"][1] + 1) % 4


def nudge_return(lines: Lines) -> None:
    lines[2]["return"] = math.nextafter(lines[2]["return"], math.inf)


def cut_episode(lines: Lines) -> None:
    """Before a bad end, say, with a return that fits."""
    lines[2]["actions"].pop()
    lines[2]["return"] -= lines[2]["rewards"].pop()
    lines[2]["length"] -= 1


def lengthen_episode(lines: Lines) -> None:
    lines[2]["actions"].append(0)
    lines[2]["rewards"].append(100.0)
    lines[2]["length"] += 1


@pytest.mark.parametrize(
    ("change", "what", "step"),
    [
        (nudge_reward, "reward", lambda line: 2),
        (another_action, "reward", lambda line: 2),
        (nudge_return, "return", lambda line: line["length"]),
        (lambda lines: lines[2].update(outcome="landed"), "outcome", lambda line: line["length"]),
        (cut_episode, "end", lambda line: line["length"]),
        (lengthen_episode, "end", lambda line: line["length"] - 1),
    ],
    ids=["reward", "action", "return", "outcome", "cut", "lengthened"],
)
def test_a_change_is_found_where_it_is(
    changed: Callable[[Change], Path], change: Change, what: str, step: Callable[[Any], int]
) -> None:
    path = changed(change)
    verifier, checks = verified(path)
    assert [check.divergence is None for check in checks] == [True, False, True, True, True]
    found = checks[1].divergence
    assert found is not None
    assert found == verifier.first_divergence
    with gzip.open(path) as file:
        line = json.loads(file.readlines()[2])
    assert (found.what, found.step) == (what, step(line))
    assert f"At step {found.step} of episode 1 (seed 71)" in found.sentence
    assert verifier.report() is None


def test_negative_zero_is_not_zero(
    tmp_path: Path, register: Callable[..., str], drifting_class: type[Any], discrete: Policy
) -> None:
    """Every bit is compared with the file, also the one that `==` does not see."""

    class NegativeZero(drifting_class):  # type: ignore[misc, valid-type]
        reward = 0.0

        def step(self, action: Any) -> Any:
            obs, _, *rest = super().step(action)
            return (obs, self.reward, *rest)

    saved(tmp_path / "r.jsonl.gz", discrete, EnvSpec(register(NegativeZero)), episodes=1)
    NegativeZero.reward = -0.0
    _, [check] = verified(tmp_path / "r.jsonl.gz")
    assert check.divergence is not None
    assert (check.divergence.what, check.divergence.step) == ("reward", 1)


def test_shifted_seeds_are_found(changed: Callable[[Change], Path]) -> None:
    """Episodes of other seeds under the names of these."""

    def shift(lines: Lines) -> None:
        lines[0]["first_seed"] += 1
        for line in lines[1:]:
            line["seed"] += 1

    verifier, checks = verified(changed(shift))
    assert verifier.verified == 0
    assert [check.divergence and check.divergence.step for check in checks] == [1] * 5


def test_a_file_from_elsewhere_says_what_differs(changed: Callable[[Change], Path]) -> None:
    def elsewhere(lines: Lines) -> None:
        lines[0]["versions"]["box2d"] = "1.0"
        lines[0]["platform"] = "Plan9 pdp11"

    [box2d, machine] = ReplayFile(changed(elsewhere)).header.elsewhere()
    assert box2d.startswith("box2d ")
    assert box2d.endswith(" here, 1.0 there")
    assert machine.endswith(" here, Plan9 pdp11 there")


def test_an_environment_that_raises_is_a_divergence(
    tmp_path: Path, register: Callable[..., str], drifting_class: type[Any], discrete: Policy
) -> None:
    class Raising(drifting_class):  # type: ignore[misc, valid-type]
        calm = True

        def step(self, action: Any) -> Any:
            if not self.calm and self._taken == 2:
                raise ZeroDivisionError("moody")
            return super().step(action)

    saved(tmp_path / "r.jsonl.gz", discrete, EnvSpec(register(Raising)), episodes=1)
    Raising.calm = False
    _, [check] = verified(tmp_path / "r.jsonl.gz")
    assert check.divergence is not None
    assert (check.divergence.what, check.divergence.step) == ("error", 3)
    assert "ZeroDivisionError: moody" in check.divergence.sentence


# Writing


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path, drifting: EnvSpec) -> None:
    steps = [0] * 4
    with pytest.raises(IndexError):
        saved(tmp_path / "r.jsonl.gz", lambda obs: np.array([steps.pop() for _ in obs]), drifting)
    assert list(tmp_path.iterdir()) == []


def test_fewer_episodes_than_named_leave_nothing(tmp_path: Path, discrete: Policy, drifting: EnvSpec) -> None:
    header = header_for(drifting, policy_sha256=None, deterministic=True, first_seed=70, episodes=3)
    with pytest.raises(UsageError, match="3 episodes and 2"), ReplayWriter(tmp_path / "r", header) as writer:
        evaluate(discrete, drifting, episodes=2, first_seed=70, keep=writer.keep, observer=writer)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_replayed_is_not_written(
    tmp_path: Path, continuous: Policy, drifting: EnvSpec, drifting_continuous: EnvSpec
) -> None:
    header = header_for(drifting_continuous, policy_sha256=None, deterministic=True, first_seed=0, episodes=1)
    out_of_bounds = Trajectory(np.full((1, 2), 7.0), np.zeros(1), np.empty(0))
    not_finite = Trajectory(np.zeros((1, 2)), np.full(1, np.nan), np.empty(0))
    for trajectory in (out_of_bounds, not_finite, None):
        with pytest.raises(UsageError), ReplayWriter(tmp_path / "r", header) as writer:
            writer.on_episode(Episode(0, 0, 0.0, 1, "", (), trajectory))
    with pytest.raises(UsageError, match="seed 5"), ReplayWriter(tmp_path / "r", header) as writer:
        writer.on_episode(
            Episode(0, 5, 0.0, 1, "", (), Trajectory(np.zeros((1, 2)), np.zeros(1), np.empty(0)))
        )
    assert list(tmp_path.iterdir()) == []


def test_seeds_that_no_reader_takes_are_not_written(drifting: EnvSpec) -> None:
    """They were, and the file that came out was refused."""
    for first_seed, episodes in ((2**63 - 1, 1), (2**63 - 3, 3), (10**30, 1)):
        with pytest.raises(UsageError, match="smaller seeds"):
            header_for(
                drifting, policy_sha256=None, deterministic=True, first_seed=first_seed, episodes=episodes
            )
    largest = header_for(
        drifting, policy_sha256=None, deterministic=True, first_seed=2**63 - 3, episodes=2
    ).to_json()
    assert Header.from_json(Fields(largest, "largest")).first_seed == 2**63 - 3


def test_episodes_belong_inside_the_block(tmp_path: Path, drifting: EnvSpec) -> None:
    header = header_for(drifting, policy_sha256=None, deterministic=True, first_seed=0, episodes=1)
    with pytest.raises(RuntimeError, match="inside"):
        ReplayWriter(tmp_path / "r", header).on_episode(Episode(0, 0, 0.0, 1, ""))
