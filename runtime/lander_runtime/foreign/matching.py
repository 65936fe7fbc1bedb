"""Finds out from a graph, its signature and trial runs how it takes observations and gives actions.

The ways to feed it are tried one after the other (`fitting.py`), and what came out is judged (`judging.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import InputRefused
from lander_runtime.foreign import action_range, assumptions
from lander_runtime.foreign.action_range import ActionRange, Scaling
from lander_runtime.foreign.analysis.memory import State
from lander_runtime.foreign.feeding import Feeding
from lander_runtime.foreign.plan import Plan, plan_for, pruned
from lander_runtime.foreign.preparation import Preparation, prepared
from lander_runtime.foreign.signature import Input, Output
from lander_runtime.foreign.trying.fitting import Fitting, used_outputs
from lander_runtime.foreign.trying.judging import Candidate
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL, Limits, batches, check_bounds
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.structure import check_structure
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.spec import Space

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
        self._spaces = spaces
        self._observation, self._action = spaces
        self._choices = choices
        asked = choices.action_range
        self._asked = None if asked is None else ActionRange.parse(asked)
        self._scaling = action_range.scaling_for(self._asked, self._action)
        self._plan = plan_for(model, name, spaces, choices.output, stateless=choices.stateless)

    def match(self) -> Match:
        plan, choices = self._plan, self._choices
        candidate, probabilities = self._candidate()
        feeding, output = candidate.feeding, candidate.output
        forgotten = candidate.forgotten(stateless=choices.stateless)
        if choices.stateless and feeding.states:
            feeding = replace(feeding, forgets=True)
        said, counts = candidate.units(self._asked)
        constant = candidate.is_constant(named=choices.output is not None)
        opened, fed = self._prepared(candidate.opened, candidate.model, feeding)
        return Match(
            opened=opened,
            feeding=fed,
            output=output,
            probabilities=probabilities,
            scaling=self._scaling,
            counts_actions=counts,
            assumptions=(
                *assumptions.about_input(feeding, self._observation, plan.unused, choices.preparation),
                *assumptions.about_memory(feeding, forgotten),
                *(said or assumptions.about_scores(output, self._action, probabilities)),
                *assumptions.about_the_rest(output, plan, feeding.states),
                *(["It gave one and the same for every observation that was tried."] if constant else []),
            ),
        )

    def _candidate(self) -> tuple[Candidate, bool]:
        """The graph with the way to feed it that works, and whether its scores are probabilities."""
        plan, limits = self._plan, self._choices.limits
        ways = self._bounded_ways(plan)
        shapes = [one for feeding, _ in ways for one in self._shapes(plan.model, feeding)]
        opened = self._open(plan.model, shapes)
        feeding, output, probabilities = self._fitted(opened, ways)
        model = pruned(plan.model, used_outputs(output), plan.states)
        if len(model.graph.inputs) < len(plan.model.graph.inputs):
            # Another output needs more than the action does.
            opened = self._open(model, self._shapes(model, feeding))
        given = {value.name for value in model.graph.inputs}
        feeding = replace(
            feeding,
            states=tuple(state for state in feeding.states if state.input in given),
            starts=tuple(one for one in plan.starts if one.name in given),
        )
        return Candidate(model, opened, plan, feeding, output, self._spaces, limits), probabilities

    def _open(self, model: Model, shapes: list[dict[str, tuple[int, ...]]]) -> OpenSession:
        return open_session(model, self._name, self._device, shapes=shapes, limits=self._choices.limits)

    def _prepared(self, opened: OpenSession, model: Model, feeding: Feeding) -> tuple[OpenSession, Feeding]:
        """The session with what the user wants done in front of the graph, and how that is fed.

        Only now, because trial observations are of the size that a network is given.
        """
        if self._choices.preparation is None:
            return opened, feeding
        model, entry = prepared(model, feeding.entry, self._observation, self._choices.preparation)
        feeding = replace(feeding, entry=entry)
        return self._open(model, self._shapes(model, feeding)), feeding

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

    def _fitted(self, opened: OpenSession, ways: list[tuple[Feeding, int]]) -> tuple[Feeding, Output, bool]:
        """How observations go in, what comes out, and whether scores are probabilities."""
        first: InputRefused | None = None
        for feeding, rows in ways:
            try:
                way = Fitting(opened, self._plan, feeding, self._spaces, self._choices.limits)
                return feeding, *way.output(self._choices.output, rows)
            except InputRefused as refusal:
                first = first or refusal
        assert first is not None
        raise first


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
