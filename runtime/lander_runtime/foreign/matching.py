"""Finds out from a graph, its signature and trial runs how it takes observations and gives actions.

Apart from `signature.py`, which uses names and shapes only: the shapes that a file declares may be wrong, so
the shapes of real outputs decide.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import InputRefused
from lander_runtime.foreign import action_range, assumptions
from lander_runtime.foreign.action_range import ActionRange, Scaling
from lander_runtime.foreign.analysis.ending import interval_of
from lander_runtime.foreign.analysis.memory import State, forgets, states_without_input
from lander_runtime.foreign.feeding import Feeding, by_row
from lander_runtime.foreign.plan import Plan, plan_for, pruned
from lander_runtime.foreign.preparation import Preparation, prepared
from lander_runtime.foreign.probe import Probe
from lander_runtime.foreign.signature import Input, Output, Tensor, choose_output
from lander_runtime.foreign.trials import (
    Rows,
    rows_influence_each_other,
    size_matters,
    trial_observations,
    varied_observations,
)
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL, Limits, batches, check_bounds
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.structure import check_structure
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.spec import Space
from lander_runtime.text import quoted

_MUCH_WORK, _FEW_ROWS = 500_000_000, 4
"""Above so much work for a batch of 32, some forty trial runs of it would take seconds: then fewer rows."""


@dataclass(frozen=True)
class Choices:
    """What the user says of a file that does not say it itself."""

    output: str | None = None
    """The output that is the action; None where it is clear."""
    action_range: str | None = None
    """`env` or such as `-1,1`: see `ActionRange`."""
    stateless: bool = False
    """Run a policy that would remember without its memory."""
    preparation: Preparation | None = None
    """What to do with observations in front of the graph."""
    large: bool = False
    """Take a graph of more memory and work than is usual."""

    @property
    def limits(self) -> Limits:
        return LARGE if self.large else USUAL


@dataclass(frozen=True)
class Match:
    """How a graph fits an observation and an action space."""

    opened: OpenSession
    feeding: Feeding
    output: Output
    probabilities: bool
    """Whether `output.scores` are probabilities."""
    scaling: Scaling | None
    """Of continuous actions; None where they are taken as they are."""
    counts_actions: bool
    """Whether a report should say what the actions were: nothing in the graph bounds them."""
    assumptions: tuple[str, ...]
    """The assumptions, a sentence each. The report's digest covers these words, so they must not depend on
    the machine or the path."""


def match(model: Model, name: str, device: str, spaces: tuple[Space, Space], choices: Choices) -> Match:
    """Match a model with an environment's observations and actions; `name` is what to call its file.

    Raises:
        InputRefused: the graph holds what no policy may, does not fit, or more than one output fits.
        MachineLacks: `cuda` does not run here.
        UsageError: there is no such output, or what was said of the actions cannot be.
    """
    return _Matcher(model, name, device, spaces, choices).match()


class _Matcher:
    def __init__(
        self, model: Model, name: str, device: str, spaces: tuple[Space, Space], choices: Choices
    ) -> None:
        self._name = name
        self._device = device
        self._observation, self._action = spaces
        self._choices = choices
        asked = choices.action_range
        self._asked = None if asked is None else ActionRange.parse(asked)
        self._scaling = action_range.scaling_for(self._asked, self._action)
        self._whole = model
        self._plan = plan_for(model, name, spaces, choices.output, stateless=choices.stateless)

    def match(self) -> Match:
        plan = self._plan
        ways = self._bounded_ways(plan)
        shapes = [one for feeding, _ in ways for one in self._shapes(plan.model, feeding)]
        limits = self._choices.limits
        opened = open_session(plan.model, self._name, self._device, shapes=shapes, limits=limits)
        feeding, output, probabilities = self._fitted(opened, ways)
        model, used = plan.model, _used(output)
        final = pruned(model, used, plan.states)
        if len(final.graph.inputs) < len(model.graph.inputs):
            # Another output needs more than the action does.
            shapes = self._shapes(final, feeding)
            opened = open_session(final, self._name, self._device, shapes=shapes, limits=limits)
            model = final
        given = {value.name for value in model.graph.inputs}
        feeding = replace(
            feeding,
            states=tuple(state for state in feeding.states if state.input in given),
            starts=tuple(one for one in plan.starts if one.name in given),
        )
        forgotten = self._forgotten(final, feeding, used)
        if self._choices.stateless and feeding.states:
            feeding = replace(feeding, forgets=True)
        probe = self._probe(final, feeding)
        said, counts = self._about_units(final, output, probe)
        constant = self._is_constant(opened, feeding, output, probe)
        opened, fed = self._prepared(opened, final, feeding)
        return Match(
            opened=opened,
            feeding=fed,
            output=output,
            probabilities=probabilities,
            scaling=self._scaling,
            counts_actions=counts,
            assumptions=(
                *assumptions.about_input(feeding, self._observation, plan.unused, self._choices.preparation),
                *assumptions.about_memory(feeding, forgotten),
                *(said or assumptions.about_scores(output, self._action, probabilities)),
                *assumptions.about_the_rest(output, plan, feeding.states),
                *(["It gave one and the same for every observation that was tried."] if constant else []),
            ),
        )

    def _prepared(self, opened: OpenSession, model: Model, feeding: Feeding) -> tuple[OpenSession, Feeding]:
        """The session with what the user wants done in front of the graph, and how that is fed.

        Only now, because trial observations are of the size that a network is given.
        """
        if self._choices.preparation is None:
            return opened, feeding
        model, entry = prepared(model, feeding.entry, self._observation, self._choices.preparation)
        feeding = replace(feeding, entry=entry)
        shapes, limits = self._shapes(model, feeding), self._choices.limits
        return open_session(model, self._name, self._device, shapes=shapes, limits=limits), feeding

    def _bounded_ways(self, plan: Plan) -> list[tuple[Feeding, int]]:
        """The ways to feed it that take no more than a policy does, each with its rows for a trial.

        Raises:
            InputRefused: there is none.
        """
        check_structure(plan.model, self._name)
        ways: list[tuple[Feeding, int]] = []
        first: InputRefused | None = None
        for entry in _ways_in(plan.entry, self._observation):
            # A symbolic batch may be wrong: a graph may have one size built in, or mix its rows.
            for size in _batches(entry, plan.states):
                any_size = entry.batch is None and not plan.states and size == LANES
                states = tuple(state.filled(size) for state in plan.states)
                feeding = Feeding(entry, None if any_size else size, states, plan.starts)
                try:
                    shapes = self._shapes(plan.model, feeding)
                    work = check_bounds(plan.model, self._name, shapes, self._choices.limits)
                except InputRefused as refusal:
                    first = first or refusal
                    continue
                few = feeding.batch is None and work > _MUCH_WORK
                ways.append((feeding, _FEW_ROWS if few else size))
        if not ways:
            assert first is not None
            raise first
        return ways

    def _shapes(self, model: Model, feeding: Feeding) -> list[dict[str, tuple[int, ...]]]:
        """The shapes of all inputs, in all batches in which they may come."""
        rows = batches(model.graph) if feeding.batch is None else [feeding.batch]
        return [feeding.shapes(self._observation.shape, size) for size in rows]

    def _probe(self, model: Model, feeding: Feeding) -> Probe:
        return Probe(model, feeding, self._observation, self._choices.limits)

    def _fitted(self, opened: OpenSession, ways: list[tuple[Feeding, int]]) -> tuple[Feeding, Output, bool]:
        """How observations go in, what comes out, and whether scores are probabilities."""
        first: InputRefused | None = None
        for feeding, rows in ways:
            try:
                return feeding, *self._attempt(opened, feeding, rows)
            except InputRefused as refusal:
                first = first or refusal
        assert first is not None
        raise first

    def _attempt(self, opened: OpenSession, feeding: Feeding, batch: int) -> tuple[Output, bool]:
        """Run `batch` random observations; gives the output, and whether its scores are probabilities."""
        names = [tensor.name for tensor in self._plan.outputs]

        def run(obs: NDArray[Any], wanted: Sequence[str] = names) -> dict[str, NDArray[Any]]:
            results = opened.run(wanted, feeding.first(obs))
            rows = {
                name: by_row(value, len(obs), feeding.entry)
                for name, value in zip(wanted, results, strict=True)
            }
            return {name: values for name, values in rows.items() if values is not None}

        obs = trial_observations(batch, self._observation)
        rows = run(obs)
        operators = {tensor.name: tensor.operator for tensor in self._plan.outputs}
        tensors = [
            Tensor(name, str(values.dtype), values.shape[1:], operators[name])
            for name, values in rows.items()
        ]
        output = choose_output(tensors, self._action, self._choices.output, self._plan.others)
        used = _used(output)
        if batch > 1:
            mixed = "DynamicQuantizeLinear" if self._plan.quantises(used) else None
            for rows_of in (lambda others: run(others, used), self._scores(feeding, output, batch, obs)):
                if rows_of is not None and mixed is None:
                    mixed = rows_influence_each_other(rows_of, obs) or size_matters(rows_of, obs)
            if mixed is not None:
                raise InputRefused(
                    f"in a batch of {batch}, the rows of {quoted(used[0])} influence each other. "
                    "Export it with a batch of 1."
                )
        self._check_agreement(run, output, batch)
        return output, output.scores is not None and _are_probabilities(rows[output.scores], self._action)

    def _scores(
        self, feeding: Feeding, output: Output, batch: int, obs: NDArray[Any]
    ) -> Callable[[NDArray[Any]], Rows] | None:
        """The numbers whose largest has its place in an integer, which hides small differences."""
        if self._action.type == "Box" or output.action is None:
            return None
        behind = list(dict.fromkeys(numbers for numbers, _ in self._plan.places_behind(output.action)))
        probe = self._probe(pruned(self._plan.model, _used(output), ()), feeding)
        shapes = {name: np.shape(value) for name, value in probe.run(behind, obs).items()}
        rows = [name for name, shape in shapes.items() if shape and shape[0] == batch]
        return (lambda others: dict(probe.run(rows, others))) if rows else None

    def _check_agreement(
        self, run: Callable[..., dict[str, NDArray[Any]]], output: Output, batch: int
    ) -> None:
        """Refuse an integer that is not the place of the largest score, where nothing says which is meant.

        Raises:
            InputRefused: they differ for a trial observation.
        """
        agreeing = list(output.likely_scores if output.scores is None else [output.scores])
        if output.action is None or not agreeing:
            return
        names = agreeing
        for seed in range(max(1, 64 // batch)):
            rows = run(trial_observations(batch, self._observation, seed), [output.action, *names])
            numbers = rows[output.action].reshape(batch, -1).astype(np.int64)
            agreeing = [name for name in agreeing if _are_largest(numbers, rows[name], self._action)]
        if not agreeing:
            raise InputRefused(
                f"which output is the action is not clear: {quoted(output.action)} is not the number of the "
                f"largest of {' or of '.join(map(quoted, names))}. Say which with: --output NAME"
            )

    def _forgotten(self, model: Model, feeding: Feeding, used: Collection[str]) -> str | None:
        """What would remember and cannot; None where nothing would.

        Raises:
            InputRefused: there is something, and the user has not said to go on.
        """
        probe = self._probe(model, feeding)
        found = forgets(model.graph, feeding.states, probe.run)
        if found is None:
            lost = states_without_input(self._plan.following, self._plan.states)
            if lost:
                found = f"it gives the state {quoted(lost[0])}, and no input takes it"
        if found is not None and not self._choices.stateless:
            raise InputRefused(
                f"this is a recurrent policy without its memory: {found}, so it forgets everything at each "
                "step. Export it with its state as input and output, or run it all the same with: --stateless"
            )
        return found

    def _about_units(self, model: Model, output: Output, probe: Probe) -> tuple[list[str], bool]:
        """Of continuous actions: sentences about their units, and whether the report should count them."""
        if self._action.type != "Box" or output.action is None:
            return [], False
        interval = interval_of(model.graph, output.action, probe)
        shape = self._action.shape
        size = int(np.prod(shape))
        rows = interval.low.size // max(1, size)
        interval = replace(
            interval,
            low=interval.low.reshape(rows, *shape).min(axis=0),
            high=interval.high.reshape(rows, *shape).max(axis=0),
        )
        if self._asked is None:
            action_range.check_ending(interval, output.action, self._action)
        bounded = np.isfinite(interval.low) & np.isfinite(interval.high)
        said = action_range.sentences(interval, output.action, self._action, self._asked)
        return said, not bounded.all() and self._scaling is None

    def _is_constant(self, opened: OpenSession, feeding: Feeding, output: Output, probe: Probe) -> bool:
        """Whether all trial observations give the same action.

        Raises:
            InputRefused: they do, and the user has not named the output.
        """
        [name, *_] = _used(output)
        batch = feeding.batch or LANES

        def varies(names: Sequence[str], run: Callable[[NDArray[Any]], Sequence[Any]]) -> bool:
            return names != [] and _differ(map(run, varied_observations(batch, self._observation)), batch)

        if varies([name], lambda obs: opened.run([name], feeding.first(obs))):
            return False
        places = self._plan.places_behind(name)
        numbers, found = ([pair[side] for pair in places] for side in (0, 1))
        if varies(numbers, lambda obs: [*probe.run(numbers, obs).values()]) and not varies(
            found, lambda obs: [*probe.run(found, obs).values()]
        ):
            # One of some scores is always the largest, though they follow the observations.
            return False
        if self._choices.output is None:
            raise InputRefused(
                f"{name!r} was the same for all trial observations, so nothing shows that it is the action. "
                "Where it is the action all the same, say so with: --output NAME"
            )
        return True


def _ways_in(entry: Input, observation: Space) -> list[Input]:
    """`entry`, and for pictures whose sizes the file leaves open, with the colours at the other end."""
    if entry.layout == "batch" and len(observation.shape) == 3 and entry.open:
        return [entry, replace(entry, layout="channels_first"), replace(entry, layout="channels_last")]
    return [entry]


def _batches(entry: Input, states: Sequence[State]) -> list[int]:
    """The batches to try, the best first."""
    if entry.batch is not None:
        return [entry.batch]
    if not states:
        return [LANES, 1]
    # The batch of a state is its first axis or, behind the layers, its second.
    fixed = [size for state in states for size in state.shape[:2] if size and size <= LANES]
    return list(dict.fromkeys([1, *fixed]))


def _differ(found: Iterable[Sequence[Any]], batch: int) -> bool:
    """Whether any two rows are different, in any of the values of one run or of several."""
    first: list[NDArray[Any]] | None = None
    for values in found:
        rows = [np.reshape(value, (batch, -1)) for value in values if np.size(value) % batch == 0]
        first = first or [row[:1] for row in rows]
        if any((row != one).any() for row, one in zip(rows, first, strict=True)):
            return True
    return False


def _used(output: Output) -> list[str]:
    return [name for name in (output.action, output.scores) if name is not None]


def _are_largest(numbers: NDArray[np.int64], scores: NDArray[Any], action: Space) -> bool:
    """Whether each number `[batch, blocks]` is the place of the largest in its block of scores."""
    blocks = np.split(scores, np.cumsum(action.blocks)[:-1], axis=-1)
    return all(_is_largest(*pair) for pair in zip(numbers.T, blocks, strict=True))


def _is_largest(numbers: NDArray[np.int64], scores: NDArray[Any]) -> bool:
    there = (numbers >= 0) & (numbers < scores.shape[1])
    taken = np.take_along_axis(scores, np.where(there, numbers, 0)[:, None], 1)[:, 0]
    return bool((there & (taken >= scores.max(axis=1))).all())


def _are_probabilities(scores: NDArray[Any], action: Space) -> bool:
    """Whether every block of scores is; a Discrete action has one block."""
    starts = np.cumsum([0, *action.blocks])[:-1]
    sums = np.add.reduceat(scores, starts, axis=-1, dtype=np.float64)
    return bool((scores >= 0).all() and np.allclose(sums, 1.0, rtol=0, atol=1e-3))
