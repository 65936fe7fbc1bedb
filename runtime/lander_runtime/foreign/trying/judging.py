"""What is looked at once it is known which output is the action: memory, units, and whether it varies.

Apart from `fitting.py`, which makes the graph run at all: here a score could be wrong without a word, so each
question refuses the file until the user has answered it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import InputRefused
from lander_runtime.foreign import action_range
from lander_runtime.foreign.action_range import ActionRange
from lander_runtime.foreign.analysis.ending import interval_of
from lander_runtime.foreign.analysis.memory import forgets, states_without_input
from lander_runtime.foreign.feeding import Feeding
from lander_runtime.foreign.plan import Plan
from lander_runtime.foreign.signature import Output
from lander_runtime.foreign.trying.fitting import used_outputs
from lander_runtime.foreign.trying.probe import Probe
from lander_runtime.foreign.trying.trials import steps_matter, trial_observations, varied_observations
from lander_runtime.graphs.bounds.bounding import Limits, check_bounds
from lander_runtime.graphs.model import Model, TensorType
from lander_runtime.policy.session import OpenSession
from lander_runtime.spec import Space
from lander_runtime.text import quoted

_STEPS = 8
"""In a row, of which each is tried with the one before it."""


@dataclass(frozen=True)
class Candidate:
    """A graph with its action, before the user's answers are known."""

    model: Model
    """With what the action needs, and no more."""
    opened: OpenSession
    plan: Plan
    feeding: Feeding
    output: Output
    spaces: tuple[Space, Space]
    limits: Limits

    @property
    def probe(self) -> Probe:
        return Probe(self.model, self.feeding, self.spaces[0], self.limits)

    def forgotten(self, *, stateless: bool) -> str | None:
        """What would remember and cannot; None where nothing would.

        Raises:
            InputRefused: there is something, and the user has not said to go on.
        """
        found = forgets(self.model.graph, self.feeding.states, self.probe.run)
        if found is None:
            lost = states_without_input(self.plan.following, self.plan.states)
            if lost:
                found = f"it gives the state {quoted(lost[0])}, and no input takes it"
            elif self._looks_back():
                found = "it takes several steps in a row and looks at more than the last, but is given one"
        if found is not None and not stateless:
            raise InputRefused(
                f"this is a recurrent policy without its memory: {found}, so it forgets everything at each "
                "step. Export it with its state as input and output, or run it all the same with: --stateless"
            )
        return found

    def _looks_back(self) -> bool:
        """Whether an axis of time is open, and what happens at a step depends on the steps before."""
        entry, observation = self.feeding.entry, self.spaces[0]
        declared = next(value.type for value in self.model.graph.inputs if value.name == entry.name)
        if entry.layout != "sequence" or self.feeding.states or not isinstance(declared, TensorType):
            return False
        [name, *_] = used_outputs(self.output)
        sizes = declared.shape or ()
        # Which of the two is the time is not said. Rows of a batch do not depend on each other anyway.
        return any(
            self._steps_matter(name, axis, trial_observations(_STEPS, observation))
            for axis, size in enumerate(sizes[:2])
            if not isinstance(size, int)
        )

    def _steps_matter(self, name: str, axis: int, obs: NDArray[Any]) -> bool:
        entry, others = self.feeding.entry, self.feeding.first(obs[:1])

        def last(steps: NDArray[Any]) -> NDArray[Any]:
            given = np.expand_dims(steps.astype(entry.dtype), 1 - axis)
            [result] = self.opened.run([name], {**others, entry.name: given})
            return np.ravel(result)

        two = np.expand_dims(obs[:2], 1 - axis).shape
        shapes = {key: value.shape for key, value in others.items()} | {entry.name: two}
        try:
            check_bounds(self.model, "the graph", [shapes], self.limits)
            return steps_matter(last, obs)
        except InputRefused:
            return False  # It takes one step only.

    def units(self, asked: ActionRange | None) -> tuple[list[str], bool]:
        """Of continuous actions: sentences about their units, and whether the report should count them.

        Raises:
            InputRefused: they may be squashed, and the user has not said which units they have.
        """
        action = self.spaces[1]
        if action.type != "Box" or self.output.action is None:
            return [], False
        interval = interval_of(self.model.graph, self.output.action, self.probe)
        rows = interval.low.size // max(1, int(np.prod(action.shape)))
        interval = replace(
            interval,
            low=interval.low.reshape(rows, *action.shape).min(axis=0),
            high=interval.high.reshape(rows, *action.shape).max(axis=0),
        )
        if asked is None:
            action_range.check_ending(interval, self.output.action, action)
        bounded = np.isfinite(interval.low) & np.isfinite(interval.high)
        scaled = asked is not None and asked.ends is not None
        said = action_range.sentences(interval, self.output.action, action, asked)
        return said, not bounded.all() and not scaled

    def is_constant(self, *, named: bool) -> bool:
        """Whether all trial observations give the same action.

        Raises:
            InputRefused: they do, and the user has not named the output.
        """
        [name, *_] = used_outputs(self.output)
        batch, probe = self.feeding.batch or LANES, self.probe

        def varies(names: Sequence[str], run: Callable[[NDArray[Any]], Sequence[Any]]) -> bool:
            return names != [] and _differ(map(run, varied_observations(batch, self.spaces[0])), batch)

        if varies([name], lambda obs: self.opened.run([name], self.feeding.first(obs))):
            return False
        places = self.plan.places_behind(name)
        numbers, found = ([pair[side] for pair in places] for side in (0, 1))
        if varies(numbers, lambda obs: [*probe.run(numbers, obs).values()]) and not varies(
            found, lambda obs: [*probe.run(found, obs).values()]
        ):
            # One of some scores is always the largest, though they follow the observations.
            return False
        if not named:
            raise InputRefused(
                f"{name!r} was the same for all trial observations, so nothing shows that it is the action. "
                "Where it is the action all the same, say so with: --output NAME"
            )
        return True


def _differ(found: Iterable[Sequence[Any]], batch: int) -> bool:
    """Whether any two rows are different, in any of the values of one run or of several."""
    first: list[NDArray[Any]] | None = None
    for values in found:
        rows = [np.reshape(value, (batch, -1)) for value in values if np.size(value) % batch == 0]
        first = first or [row[:1] for row in rows]
        if any((row != one).any() for row, one in zip(rows, first, strict=True)):
            return True
    return False
