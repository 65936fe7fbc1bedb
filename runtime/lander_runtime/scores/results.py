"""The results of all episodes of an evaluation, as columns that need little memory.

Apart from `episodes/episode.py`: an episode as an object takes some hundred bytes, as a row of columns 13
and 8 for each measure, and a million of them must fit into memory.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.summary import LARGEST_NUMBER
from lander_runtime.spec import Component
from lander_runtime.text import LONGEST, escaped

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import Episode

_OUTCOMES = 256
"""The number of different outcomes that an eight-bit code can represent."""


@dataclass(frozen=True, eq=False)
class Results:
    """N episodes in the order of their seeds."""

    returns: NDArray[np.float64]
    """`[N]`, undiscounted sums of rewards."""
    lengths: NDArray[np.int32]
    """`[N]`, steps."""
    outcome_names: tuple[str, ...]
    """The outcomes that occurred, in order of first occurrence."""
    outcome_codes: NDArray[np.uint8]
    """`[N]`, indices into `outcome_names`."""
    measures: dict[Component, NDArray[np.float64]]
    """For each measure of the environment `[N]`, NaN where an episode has no value."""

    def __len__(self) -> int:
        return len(self.returns)

    @property
    def outcomes(self) -> list[str]:
        """`[N]`: how each episode ended."""
        return [self.outcome_names[code] for code in self.outcome_codes]

    @property
    def outcome_counts(self) -> dict[str, int]:
        """The number of episodes with each outcome."""
        counts = np.bincount(self.outcome_codes, minlength=len(self.outcome_names)).tolist()
        return dict(zip(self.outcome_names, counts, strict=True))

    def first(self, episodes: int) -> "Results":
        """The first so many."""
        return Results(
            returns=self.returns[:episodes],
            lengths=self.lengths[:episodes],
            outcome_names=self.outcome_names,
            outcome_codes=self.outcome_codes[:episodes],
            measures={component: values[:episodes] for component, values in self.measures.items()},
        )

    @classmethod
    def from_json(cls, source: Fields) -> "Results":
        """Read the columns of a report from untrusted JSON.

        Raises:
            InputRefused: a column is missing, differs in length, or has an impossible value.
        """
        returns = _numbers(source, "returns")
        names, codes = _coded(source, "outcomes")
        measures = {}
        for name in source.mapping("measures"):
            entry = source.child("measures").child(name)
            if len(name) + len(entry.text("unit")) > LONGEST:
                raise entry.wrong("unit", f"at most {LONGEST} characters with the name", entry.text("unit"))
            measures[Component(escaped(name), entry.text("unit"))] = _numbers(entry, "values", may_lack=True)
        results = cls(returns, _lengths(source), names, codes, measures)
        columns = {"lengths": results.lengths, "outcomes": codes}
        columns |= {component.name: values for component, values in measures.items()}
        for name, column in columns.items():
            if len(column) != len(returns):
                raise InputRefused(
                    f"{source.where}: {name!r} has {len(column)} entries where 'returns' has {len(returns)}."
                )
        if len(returns) == 0:
            raise InputRefused(f"{source.where}: 'returns' is empty; expected at least one episode.")
        return results


def joined(parts: Sequence[Results]) -> Results:
    """Parts with the same measures as one, in the order given, as if they had been run together."""
    names = {name: None for part in parts for name in part.outcome_names}
    codes = {name: code for code, name in enumerate(names)}
    tables = [np.array([codes[name] for name in part.outcome_names], np.uint8) for part in parts]
    return Results(
        returns=np.concatenate([part.returns for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        outcome_names=tuple(names),
        outcome_codes=np.concatenate(
            [table[part.outcome_codes] for table, part in zip(tables, parts, strict=True)]
        ),
        measures={
            component: np.concatenate([part.measures[component] for part in parts])
            for component in parts[0].measures
        },
    )


class Collected:
    """Results that grow; episodes are added in the order of their seeds."""

    def __init__(self, measures: Sequence[Component]) -> None:
        self._components = tuple(measures)
        self._returns, self._lengths, self._codes = array("d"), array("i"), array("B")
        self._names: dict[str, int] = {}
        self._measures = [array("d") for _ in measures]
        self.actions: ActionsSeen | None = None
        """What the actions of all episodes were, where that was kept."""

    def add(self, episodes: "Iterable[Episode]") -> None:
        """Append them.

        Raises:
            UsageError: a return is NaN, infinite or 1e100 and more.
        """
        for episode in episodes:
            # `not ... <` refuses NaN too, for which every comparison is false.
            if not -LARGEST_NUMBER < episode.return_ < LARGEST_NUMBER:
                raise UsageError(
                    f"The episode of seed {episode.seed} returned {episode.return_:g}; expected a finite "
                    f"return below {LARGEST_NUMBER:g}. Check the environment's rewards."
                )
            if episode.actions_seen is not None:
                seen = self.actions
                self.actions = episode.actions_seen if seen is None else seen + episode.actions_seen
            self._returns.append(episode.return_)
            self._lengths.append(episode.length)
            self._codes.append(self._names.setdefault(episode.outcome, len(self._names)))
            for column, value in zip(self._measures, episode.measures, strict=True):
                column.append(np.nan if value is None else value)

    def __len__(self) -> int:
        """How many episodes there are so far."""
        return len(self._returns)

    def results(self) -> Results:
        """The episodes so far."""
        return Results(
            returns=np.array(self._returns),
            lengths=np.array(self._lengths, np.int32),
            outcome_names=tuple(self._names),
            outcome_codes=np.array(self._codes, np.uint8),
            measures={
                component: np.array(column)
                for component, column in zip(self._components, self._measures, strict=True)
            },
        )


def _numbers(source: Fields, key: str, *, may_lack: bool = False) -> NDArray[np.float64]:
    """A list of finite numbers; with `may_lack` also null, which becomes NaN."""
    values = source.items(key)
    allowed = (int, float, type(None)) if may_lack else (int, float)
    for value in values:
        # By type(), because a bool is an int, and because isinstance is slower for millions of values.
        if type(value) not in allowed or (value is not None and not -LARGEST_NUMBER < value < LARGEST_NUMBER):
            raise source.wrong(key, "a list of numbers", value)
    return np.array(values, np.float64)


def _lengths(source: Fields) -> NDArray[np.int32]:
    values = source.items("lengths")
    for value in values:
        if type(value) is not int or not 0 < value < 2**31:
            raise source.wrong("lengths", "a list of numbers of steps", value)
    return np.array(values, np.int32)


def _coded(source: Fields, key: str) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """A list of words as its distinct words, and the index of each entry among them."""
    values = source.items(key)
    names: dict[str, int] = {}
    for value in values:
        if not isinstance(value, str) or len(value) > LONGEST:
            raise source.wrong(key, f"a list of words of at most {LONGEST} characters", value)
        if names.setdefault(value, len(names)) == _OUTCOMES:
            raise source.wrong(key, f"at most {_OUTCOMES} different words", value)
    return tuple(map(escaped, names)), np.fromiter((names[value] for value in values), np.uint8, len(values))
