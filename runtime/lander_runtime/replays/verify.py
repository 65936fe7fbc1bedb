"""Verifies a replay: the recorded actions, taken again, must give the recorded rewards, ends and outcomes."""

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lander_runtime.envs.known import knowledge_of
from lander_runtime.envs.known.knowledge import plain_outcome
from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.episodes.lane import Lane
from lander_runtime.episodes.moments import Moment
from lander_runtime.errors import CheckFailed, EnvironmentFailed, InputRefused
from lander_runtime.replays.header import Header, action_space
from lander_runtime.replays.recorded import Recorded
from lander_runtime.scores.report import Execution, Report
from lander_runtime.scores.results import Collected
from lander_runtime.scores.summary import summarise

What = Literal["reward", "end", "outcome", "return", "error"]
Value = float | str


@dataclass(frozen=True)
class Divergence:
    """The first difference between an episode and the file."""

    step: int
    """From 1; 0 is the reset."""
    what: What
    claimed: Value
    """In the file."""
    found: Value
    """On this machine."""
    sentence: str
    """The difference in words."""


@dataclass(frozen=True)
class EpisodeCheck:
    """The result of one episode; return, length and outcome are those that the file claims."""

    index: int
    seed: int
    return_: float
    length: int
    outcome: str
    divergence: Divergence | None
    """None if the episode is as the file says."""


Show = Callable[[Iterator[Moment]], Episode]
"""Draws the moments of an episode to their end, such as `draw_episode`; returns the finished episode."""


class ReplayVerifier:
    """Runs the episodes of a file again, one at a time, and compares every step with the file.

    It collects the results, so that an evaluation's report can be made from the file alone. Close it, or
    use it in a `with`.
    """

    def __init__(self, header: Header, render_mode: str | None = None) -> None:
        """Open the environment.

        Raises:
            UsageError: Gymnasium does not know the environment.
            InputRefused: the environment's action space is not that of the file.
        """
        self._header = header
        here = action_space(header.env)
        if (here.form, here.low, here.high) != (header.action.form, header.action.low, header.action.high):
            raise InputRefused(
                f"The action space in the file is not that of {header.env.id} here. "
                f"{differences_of_machine(header) or 'The header of the file was changed.'}"
            )
        self.lane = Lane(header.env, render_mode, Keep(actions_seen=header.counts_actions))
        self._collected = Collected(knowledge_of(header.env.id).measures)
        self.verified = 0
        """The number of episodes that were as the file says."""
        self.first_divergence: Divergence | None = None

    def verify(self, recorded: Recorded, show: Show | None = None) -> EpisodeCheck:
        """Run one episode again and compare every step with the file.

        Args:
            recorded: the episode.
            show: draws the episode, if given. It must read all moments. If the episode diverges, they end
                in an error, and the file being drawn is discarded.
        """
        try:
            episode = (show or _show_nothing)(self._checked(recorded))
        except _Diverged as diverged:
            self.first_divergence = self.first_divergence or diverged.divergence
            return _verdict(recorded, diverged.divergence)
        self.verified += 1
        # In the file's word, because the digest of the recorded report covers it.
        self._collected.add([replace(episode, outcome=recorded.outcome)])
        return _verdict(recorded, None)

    def report(self) -> Report | None:
        """The report of the recorded evaluation, or None unless all episodes were verified, in order.

        Its digest is that of the report that `lander eval` printed.
        """
        header, results = self._header, self._collected.results()
        if len(results) != header.episodes:
            return None
        summary = summarise(
            results,
            first_seed=header.first_seed,
            deterministic=header.deterministic,
            reward_threshold=header.env.reward_threshold,
        )
        execution = Execution(None, "replay", 1, 0.0, 0.0, header.versions)
        return Report(
            None, header.policy_sha256, header.assumptions, header.env, summary, results, execution,
            self._collected.actions,
        )  # fmt: skip

    def close(self) -> None:
        self.lane.close()

    def __enter__(self) -> "ReplayVerifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked(self, recorded: Recorded) -> Iterator[Moment]:
        lane, name = self.lane, f"episode {recorded.index} (seed {recorded.seed})"
        with _environment_errors(0, name):
            lane.start((recorded.index, recorded.seed))
        yield Moment()
        for step, (action, reward) in enumerate(
            zip(recorded.actions, recorded.rewards.tolist(), strict=True), 1
        ):
            with _environment_errors(step, name):
                episode = lane.step(action)
            if not _same(lane.reward, reward):
                raise _Diverged(step, "reward", reward, lane.reward, name)
            if (episode is not None) != (step == recorded.length):
                raise _Diverged(step, "end", *_ends(recorded.length, step, episode is not None), name)
            if episode is not None:
                if recorded.outcome not in (episode.outcome, _plainly(lane)):
                    raise _Diverged(step, "outcome", recorded.outcome, episode.outcome, name)
                if not _same(episode.return_, recorded.return_):
                    raise _Diverged(step, "return", recorded.return_, episode.return_, name)
            yield Moment(action, episode)


def _plainly(lane: Lane) -> str:
    """The word for this end in a file of a version that knew no other word for it."""
    return plain_outcome(lane.reward, lane.obs, lane.terminated)


def _show_nothing(moments: Iterator[Moment]) -> Episode:
    for moment in moments:
        if moment.episode is not None:
            return moment.episode
    raise AssertionError("the moments of an episode end with it, or raise")


def _verdict(recorded: Recorded, divergence: Divergence | None) -> EpisodeCheck:
    return EpisodeCheck(
        recorded.index, recorded.seed, recorded.return_, recorded.length, recorded.outcome, divergence
    )


class _Diverged(CheckFailed):
    def __init__(self, step: int, what: What, claimed: Value, found: Value, name: str) -> None:
        at = f"At step {step} of {name}"
        if isinstance(claimed, str) or isinstance(found, str):
            sentence = f"{at} the file says {claimed!r}, and here it is {found!r}."
        else:
            sentence = (
                f"{at} the {what} is {claimed!r} in the file and {found!r} here, {found - claimed:+.3g}."
            )
        super().__init__(sentence)
        self.divergence = Divergence(step, what, claimed, found, sentence)


@contextlib.contextmanager
def _environment_errors(step: int, name: str) -> Iterator[None]:
    """Turn any error of the environment into a divergence: the file's actions may cause it."""
    try:
        yield
    except Exception as failed:
        # Of what the environment's own code raised, its own words.
        error = failed.__cause__ if isinstance(failed, EnvironmentFailed) and failed.__cause__ else failed
        raise _Diverged(step, "error", "no error", f"{type(error).__name__}: {error}", name) from failed


def _ends(length: int, step: int, ended: bool) -> tuple[str, str]:
    """Where the episode ends, in words: in the file, and here."""
    here = f"the end at step {step}" if ended else f"no end at step {step}"
    return f"the end at step {length}", here


def differences_of_machine(header: Header) -> str:
    """A sentence on how this machine differs from the one that recorded the file; empty if it does not."""
    differences = header.elsewhere()
    if not differences:
        return ""
    return (
        "It was recorded with other versions or on another platform, which can change results: "
        f"{'; '.join(differences)}."
    )


def _same(a: float, b: float) -> bool:
    """Bit for bit, so that -0.0 is not 0.0."""
    return struct.pack("d", a) == struct.pack("d", b)
