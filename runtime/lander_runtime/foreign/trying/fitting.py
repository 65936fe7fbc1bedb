"""One way to feed a graph, tried: which output is the action, and whether its rows keep to themselves.

Apart from `signature.py`, which uses names and shapes only: the shapes that a file declares may be wrong, so
the shapes of real outputs decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.foreign.feeding import Feeding, by_row
from lander_runtime.foreign.plan import Plan, pruned
from lander_runtime.foreign.signature import Output, Tensor, choose_output
from lander_runtime.foreign.trying.probe import Probe
from lander_runtime.foreign.trying.trials import (
    Rows,
    rows_influence_each_other,
    size_matters,
    trial_observations,
)
from lander_runtime.graphs.bounds.bounding import Limits
from lander_runtime.policy.session import OpenSession
from lander_runtime.spec import Space
from lander_runtime.text import quoted


@dataclass(frozen=True)
class Fitting:
    """A graph in one way of feeding it."""

    opened: OpenSession
    plan: Plan
    feeding: Feeding
    spaces: tuple[Space, Space]
    limits: Limits

    def output(self, named: str | None, batch: int) -> tuple[Output, bool]:
        """Run `batch` random observations; gives the output, and whether its scores are probabilities.

        Raises:
            InputRefused: no output fits or several do, or rows influence each other.
        """
        observation, action = self.spaces
        obs = trial_observations(batch, observation)
        rows = self._run(obs, [tensor.name for tensor in self.plan.outputs])
        operators = {tensor.name: tensor.operator for tensor in self.plan.outputs}
        tensors = [
            Tensor(name, str(values.dtype), values.shape[1:], operators[name])
            for name, values in rows.items()
        ]
        output = choose_output(tensors, action, named, self.plan.others)
        if batch > 1:
            self._check_rows(output, batch, obs)
        self._check_agreement(output, batch)
        if output.action is not None and action.blocks and named is None:
            _check_numbers(output.action, rows[output.action], action)
        return output, output.scores is not None and _are_probabilities(rows[output.scores], action)

    def _run(self, obs: NDArray[Any], wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The wanted outputs that have a row for each observation."""
        results = self.opened.run(wanted, self.feeding.first(obs))
        rows = {
            name: by_row(value, len(obs), self.feeding.entry)
            for name, value in zip(wanted, results, strict=True)
        }
        return {name: values for name, values in rows.items() if values is not None}

    def _check_rows(self, output: Output, batch: int, obs: NDArray[Any]) -> None:
        used = used_outputs(output)
        mixed = "DynamicQuantizeLinear" if self.plan.quantises(used) else None
        for rows_of in (lambda others: self._run(others, used), self._scores(output, batch, obs)):
            if rows_of is not None and mixed is None:
                mixed = rows_influence_each_other(rows_of, obs) or size_matters(rows_of, obs)
        if mixed is not None:
            raise InputRefused(
                f"in a batch of {batch}, the rows of {quoted(used[0])} influence each other. "
                "Export it with a batch of 1."
            )

    def _scores(self, output: Output, batch: int, obs: NDArray[Any]) -> Callable[[NDArray[Any]], Rows] | None:
        """The numbers whose largest has its place in an integer, which hides small differences."""
        if self.spaces[1].type == "Box" or output.action is None:
            return None
        behind = list(dict.fromkeys(numbers for numbers, _ in self.plan.places_behind(output.action)))
        model = pruned(self.plan.model, used_outputs(output), ())
        probe = Probe(model, self.feeding, self.spaces[0], self.limits)
        shapes = {name: np.shape(value) for name, value in probe.run(behind, obs).items()}
        rows = [name for name, shape in shapes.items() if shape and shape[0] == batch]
        return (lambda others: dict(probe.run(rows, others))) if rows else None

    def _check_agreement(self, output: Output, batch: int) -> None:
        """Refuse an integer that is not the place of the largest score, where nothing says which is meant.

        Raises:
            InputRefused: they differ for a trial observation.
        """
        agreeing = list(output.likely_scores if output.scores is None else [output.scores])
        if output.action is None or not agreeing:
            return
        names, (observation, action) = agreeing, self.spaces
        for seed in range(max(1, 64 // batch)):
            rows = self._run(trial_observations(batch, observation, seed), [output.action, *names])
            numbers = rows[output.action].reshape(batch, -1).astype(np.int64)
            agreeing = [name for name in agreeing if _are_largest(numbers, rows[name], action)]
        if not agreeing:
            raise InputRefused(
                f"which output is the action is not clear: {quoted(output.action)} is not the number of the "
                f"largest of {' or of '.join(map(quoted, names))}. Say which with: --output NAME"
            )


def used_outputs(output: Output) -> list[str]:
    """The outputs that are needed to act."""
    return [name for name in (output.action, output.scores) if name is not None]


def _check_numbers(name: str, numbers: NDArray[Any], action: Space) -> None:
    """Refuse numbers that no action has, such as those that begin with 1."""
    given, counts = numbers.reshape(len(numbers), -1), np.array(action.blocks)
    wrong = np.argwhere((given < 0) | (given >= counts))
    if len(wrong):
        row, place = wrong[0]
        raise InputRefused(
            f"{quoted(name)} gave {given[row, place]} for a trial observation; actions are 0 to "
            f"{counts[place] - 1}. Where those of the environment give no such number, say: --output NAME"
        )


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
    with np.errstate(invalid="ignore"):  # Infinities of both signs.
        sums = np.add.reduceat(scores, starts, axis=-1, dtype=np.float64)
    return bool((scores >= 0).all() and np.allclose(sums, 1.0, rtol=0, atol=1e-3))
