"""One line of a replay file: an episode's seed, its result, and every action and reward."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.episode import Episode
from lander_runtime.errors import UsageError
from lander_runtime.json_data.fields import Fields, is_finite
from lander_runtime.spec import Space, filled_bounds

MAX_OUTCOME = 1000
"""Characters. An outcome is a few words; those of all episodes are in memory while a file is verified."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """An episode as the file claims it, with its T actions."""

    index: int
    """Its number in the file, from 0."""
    seed: int
    return_: float
    """Undiscounted sum of rewards."""
    length: int
    """Steps, which is T."""
    outcome: str
    actions: NDArray[Any]
    """`[T]` int64 (Discrete) or `[T, *action_shape]`, of the action space's dtype and inside its bounds."""
    rewards: NDArray[np.float64]
    """`[T]`"""

    @classmethod
    def of(cls, episode: Episode, space: Space) -> "Recorded":
        """From an episode that was run with `Keep(actions=True)`.

        Raises:
            UsageError: its steps were not kept, an action is outside of `space`, a reward is not finite,
                or the outcome is too long.
        """
        trajectory = episode.trajectory
        if trajectory is None or len(trajectory.actions) != episode.length:
            raise UsageError("A replay needs the actions: evaluate with keep=Keep(actions=True).")
        actions = _of_space(trajectory.actions, space)
        if actions is None or not np.isfinite(trajectory.rewards).all() or len(episode.outcome) > MAX_OUTCOME:
            raise UsageError(
                f"The episode of seed {episode.seed} cannot be replayed: an action is outside of the action "
                f"space, a reward is not finite, or its outcome is longer than {MAX_OUTCOME:,} characters. "
                "Leave out --save-replay."
            )
        return cls(
            episode.index,
            episode.seed,
            episode.return_,
            episode.length,
            episode.outcome,
            actions,
            trajectory.rewards,
        )

    def to_line(self) -> bytes:
        """The line of JSON in UTF-8, with a line feed at its end."""
        entries = {
            "seed": self.seed,
            "return": self.return_,
            "length": self.length,
            "outcome": self.outcome,
            "actions": _shortest(self.actions),
            "rewards": self.rewards.tolist(),
        }
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, fields: Fields, index: int, space: Space) -> "Recorded":
        """Read it from an untrusted file.

        Raises:
            InputRefused: an entry is missing or malformed, or an action is outside of `space`.
        """
        length, rewards = fields.integer("length"), fields.items("rewards")
        if not all(type(reward) in (int, float) and is_finite(reward) for reward in rewards):
            raise fields.wrong("rewards", "a list of finite numbers", rewards)
        outcome = fields.text("outcome")
        if len(outcome) > MAX_OUTCOME:
            raise fields.wrong("outcome", f"at most {MAX_OUTCOME:,} characters", outcome)
        actions = _read_actions(fields, space)
        if not 1 <= len(actions) == len(rewards) == length:
            raise fields.wrong(
                "length", f"that of actions and rewards, {len(actions)} and {len(rewards)}", length
            )
        return cls(
            index=index,
            seed=fields.integer("seed"),
            return_=fields.number("return"),
            length=length,
            outcome=outcome,
            actions=actions,
            rewards=np.array(rewards, np.float64),
        )


def _shortest(actions: NDArray[Any]) -> list[Any]:
    """As lists; float32 with nine digits, enough to tell all float32 numbers apart, instead of 17."""
    if actions.dtype != np.float32:
        return actions.tolist()
    return (
        np.array([float(f"{value:.9g}") for value in actions.ravel().tolist()])
        .reshape(actions.shape)
        .tolist()
    )


def _read_actions(fields: Fields, space: Space) -> NDArray[Any]:
    items = fields.items("actions")
    # Checked before NumPy gets them: it would pad a list of strings to the longest one.
    regular = all(_is_of_numbers(item, space.shape) for item in items)
    actions = _of_space(np.array(items).reshape(len(items), *space.shape), space) if regular else None
    if actions is None:
        expected = (
            f"actions from 0 to {(space.n or 1) - 1}"
            if space.type == "Discrete"
            else f"whole numbers from 0 to below {list(space.nvec)}"
            if space.type == "MultiDiscrete"
            else f"{space.dtype} actions of shape {list(space.shape)} inside the bounds of the action space"
        )
        raise fields.wrong("actions", expected, _culprit(items, space))
    return actions


def _is_of_numbers(item: object, shape: tuple[int, ...]) -> bool:
    """Whether `item` is a number, or nested lists of numbers of this shape."""
    if not shape:
        return type(item) in (int, float)
    return (
        isinstance(item, list)
        and len(item) == shape[0]
        and all(_is_of_numbers(entry, shape[1:]) for entry in item)
    )


def _culprit(items: list[Any], space: Space) -> dict[str, Any]:
    """The first invalid action, to be named in the error."""
    for step, item in enumerate(items, start=1):
        if not _is_of_numbers(item, space.shape) or _of_space(np.array([item]), space) is None:
            return {"step": step, "action": item}
    return {"actions": items}  # The list is empty.


def _of_space(actions: NDArray[Any], space: Space) -> NDArray[Any] | None:
    """`actions` `[T, *shape]` in the dtype of `space`, or None if one of them is outside of it."""
    dtype = np.dtype(space.dtype)
    kinds = "if" if dtype.kind == "f" and space.type == "Box" else "iu"
    # NumPy makes uint64 from integers that are too large for int64.
    if actions.dtype.kind not in kinds or actions.dtype == np.uint64 or actions.shape[1:] != space.shape:
        return None
    if space.type == "Discrete":
        inside = ((actions >= 0) & (actions < (space.n or 0))).all()
        return actions.astype(np.int64) if inside else None
    if space.type == "MultiDiscrete":
        inside = ((actions >= 0) & (actions < np.array(space.nvec))).all()
        return actions.astype(np.int64) if inside else None
    low, high = filled_bounds(space)
    with np.errstate(over="ignore"):
        # The bounds have this dtype too, and the environment gets the actions in it.
        values = actions.astype(dtype) if dtype.kind == "f" else actions
    inside = np.isfinite(values) & (low <= values) & (values <= high)
    return values.astype(dtype) if inside.all() else None
