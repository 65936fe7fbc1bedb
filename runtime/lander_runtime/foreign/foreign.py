"""`ForeignPolicy`: an ONNX file without our metadata, used in an environment that the caller names.

Apart from `policy/policy.py`: there the metadata is checked against the file. Here everything is derived from
shapes, types and a trial run, and every assumption is reported.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import sha256_of
from lander_runtime.foreign.external_weights import read_files, with_weights
from lander_runtime.foreign.feeding import Carried, by_row
from lander_runtime.foreign.matching import Choices, match
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.content import largest_file
from lander_runtime.policy.sampling import greedy_blocks, sample_blocks, sample_categorical
from lander_runtime.spec import EnvSpec, Space, filled_bounds
from lander_runtime.text import quoted


class ForeignPolicy(PolicyFile):
    """An ONNX file without our metadata, for one environment. Open one with `ForeignPolicy.load`.

    Threads may share it. It is pickled as the bytes of its file; the copy opens a session of its own.
    """

    def __init__(
        self,
        model: bytes,
        path: Path,
        env: EnvSpec,
        spaces: tuple[Space, Space],
        device: str,
        choices: Choices,
        weights: Mapping[str, bytes],
    ) -> None:
        """Match the graph with `spaces`, those of `env`; otherwise like `from_bytes`."""
        read = read_model(model, path.name)
        if weights:
            read = with_weights(read, weights, path, largest_file(large=choices.large))
        try:
            found = match(read, path.name, device, spaces, choices)
        except (InputRefused, UsageError) as error:
            if str(error).startswith(f"{path.name}: "):
                raise
            raise type(error)(f"{path.name} in {env.id}: {error}") from error
        self._opened = found.opened
        self.path = path
        # With external weights, the digest covers all files, one after the other.
        self.sha256 = sha256_of(b"".join([model, *weights.values()]))
        self.provider = self._opened.provider
        self.device = self._opened.device
        self.device_note = self._opened.note
        self.env = env
        self.observation, self.action = spaces
        self.batch_size = found.feeding.batch
        self.can_be_sampled = found.output.scores is not None
        self.assumptions = found.assumptions
        self.remembers = found.feeding.remembers
        self.counts_actions = found.counts_actions
        self.feeding = found.feeding
        """How the graph is fed."""
        self.output = found.output
        """Which of its outputs is the action."""
        self.scaling = found.scaling
        """Of continuous actions, to the bounds; None where they are taken as they are."""
        self._probabilities = found.probabilities
        self._low, self._high = filled_bounds(self.action)
        self._reduce_arguments = (model, path, env, spaces, self.device, choices, dict(weights))

    @classmethod
    def load(
        cls,
        path: str | Path,
        env: EnvSpec | str,
        device: str = "auto",
        output: str | None = None,
        *,
        choices: Choices | None = None,
    ) -> "ForeignPolicy":
        """Load a file and match it with the spaces of `env`.

        Args:
            path: an ONNX file with an input for the observation and an output for the action. Its weights
                may be in files beside it, under the names that it gives.
            env: the environment, or its id.
            device: `auto`, `cpu` or `cuda`; `cuda` never falls back to the CPU.
            output: the output that is the action, if this is not clear.
            choices: stands for `output` and all else that the user says.

        Raises:
            InputRefused: the file is missing, is not ONNX, contains what no policy may, or does not fit.
            MachineLacks: `cuda` does not run here.
            UsageError: Gymnasium does not know `env`, or there is no such output.
        """
        path = Path(path)
        model, weights = read_files(path, large=choices is not None and choices.large)
        return cls.from_bytes(model, path, env, device, output, weights=weights, choices=choices)

    @classmethod
    def from_bytes(
        cls,
        model: bytes,
        path: Path,
        env: EnvSpec | str,
        device: str = "auto",
        output: str | None = None,
        *,
        weights: Mapping[str, bytes] | None = None,
        choices: Choices | None = None,
    ) -> "ForeignPolicy":
        """Like `load`, from the file's content; `path` is only its name.

        `weights` is the content of the other files with weights, by their names; `choices` stand for
        `output` and all else that the user says.
        """
        spec = envs.recipe_of(env)
        probe = envs.make(spec)
        try:
            spaces = envs.describe_spaces(probe)
        finally:
            probe.close()
        return cls(model, path, spec, spaces, device, choices or Choices(output), weights or {})

    def __reduce__(self) -> tuple[Any, ...]:
        # With the spaces, because the environment may not be registered yet where it is unpickled.
        return type(self), self._reduce_arguments

    def act(self, obs: ArrayLike, rng: np.random.Generator | None = None) -> Any:
        """Choose an action for one observation or a batch; the shape of `obs` decides which.

        Args:
            obs: `[*obs_shape]` or `[batch, *obs_shape]`, as the environment returns it.
            rng: draw from the file's scores or probabilities; None for the greedy action.

        Returns:
            The same as `Policy.act`.

        Raises:
            InputRefused: an output of the graph is not a valid action.
            UsageError: wrong shape, an empty batch, or a NaN or infinity in `obs`; or `rng` for a file
                without scores.
        """
        self._check_stateless()
        obs = np.asarray(obs)
        shape = self.observation.shape
        single = obs.shape == shape
        batch = obs[None] if single else obs
        if rng is not None:
            actions = self.draw(self.outputs(batch), rng)
        elif self.output.action is None:
            actions = self._greedy(self._run(self.output.scores, batch))
        else:
            actions = self._as_actions(self._run(self.output.action, batch))
        if not single:
            return actions
        return int(actions[0]) if self.action.type == "Discrete" else actions[0]

    def act_next(
        self, obs: NDArray[Any], state: Carried | None, rng: np.random.Generator | None = None
    ) -> tuple[NDArray[Any], Carried]:
        """An action of a policy that remembers, and its state for the next step of the same episode.

        Args:
            obs: `[1, *obs_shape]`.
            state: what the step before gave; None at the start of an episode.
            rng: as of `act`.

        Returns:
            The action, `[1, ...]`, and the state.

        Raises:
            InputRefused, UsageError: as `act`.
        """
        name = self.output.scores if rng is not None or self.output.action is None else self.output.action
        if name is None:
            self.outputs(obs)  # Raises.
        states = self.feeding.states
        self._check(obs)
        given = self.feeding.at(self._filled(obs), state)
        wanted = [str(name), *(one.output for one in states)]
        result, *after = self._opened.run(wanted, given)
        for one, value in zip(states, after, strict=True):
            if value.shape != one.shape:
                raise InputRefused(
                    f"{self.path.name}: the state {quoted(one.output)} has the shape {list(value.shape)}; "
                    f"{quoted(one.input)} takes {list(one.shape)}."
                )
        values = self._rows(str(name), result, self.batch_size or 1)[:1]
        if rng is not None:
            actions = self.draw({"logits": self._as_logits(values)}, rng)
        elif self.output.action is None:
            actions = self._greedy(values)
        else:
            actions = self._as_actions(values)
        return actions, {one.input: value for one, value in zip(states, after, strict=True)}

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        """`logits` `[batch, n]`, or the logarithm of the file's probabilities; raises like `act`."""
        if self.output.scores is None:
            raise UsageError(
                f"{self.path.name} gives actions but no distribution to draw from. Leave out --sampled."
            )
        self._check_stateless()
        return {"logits": self._as_logits(self._run(self.output.scores, np.asarray(obs)))}

    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw actions, int64 `[batch]` or `[batch, k]`, from what the method `outputs` returned."""
        if self.action.nvec:
            return sample_blocks(outputs["logits"], self.action.nvec, rng)
        return sample_categorical(outputs["logits"], rng)

    def _run(self, output: str | None, obs: NDArray[Any]) -> NDArray[Any]:
        """One output for observations `[batch, *obs_shape]`, run in batches of the graph's size."""
        self._check(obs)
        assert output is not None
        size = self.batch_size or len(obs)
        parts = []
        for start in range(0, len(obs), size):
            rows = obs[start : start + size]
            [result] = self._opened.run([output], self.feeding.first(self._filled(rows)))
            parts.append(self._rows(output, result, size)[: len(rows)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _check(self, obs: NDArray[Any]) -> None:
        shape = self.observation.shape
        if obs.shape[1:] != shape or obs.ndim == 0 or len(obs) == 0:
            raise UsageError(
                f"Expected observations of shape {list(shape)} or a batch of them, found {list(obs.shape)}."
            )
        if obs.dtype.kind == "f" and not np.isfinite(obs).all():
            bad = np.argwhere(~np.isfinite(obs))[0].tolist()
            raise UsageError(f"The observation holds {obs[tuple(bad)]} at index {bad}; it must be finite.")

    def _check_stateless(self) -> None:
        if self.remembers:
            raise UsageError(
                f"{self.path.name} remembers what it saw, so one observation is not enough. Score it with "
                "lander_runtime.evaluate, or step it with: policy.act_next(obs, state)"
            )

    def _filled(self, rows: NDArray[Any]) -> NDArray[Any]:
        """`rows` and zeros, as many as the graph takes."""
        missing = (self.batch_size or len(rows)) - len(rows)
        if missing == 0:
            return rows
        return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])

    def _rows(self, output: str, result: Any, size: int) -> NDArray[Any]:
        """An output with a row for each of `size` observations."""
        values = by_row(result, size, self.feeding.entry)
        if values is None:
            raise InputRefused(
                f"{self.path.name}: expected {size} rows from {quoted(output)}, "
                f"found the shape {list(np.shape(result))}."
            )
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise InputRefused(
                f"{self.path.name}: the output {quoted(output)} contains NaN; expected numbers."
            )
        return values

    def _as_logits(self, scores: NDArray[Any]) -> NDArray[Any]:
        if not self._probabilities:
            return scores
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(scores, 0.0))

    def _greedy(self, scores: NDArray[Any]) -> NDArray[np.int64]:
        if self.action.nvec:
            return greedy_blocks(scores, self.action.nvec)
        return np.argmax(scores, axis=-1)

    def _as_actions(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.action.type == "Box":
            actions = values.reshape(len(values), *self.action.shape).astype(np.float64)
            if self.scaling is not None:
                actions = self.scaling.apply(actions, self.action)
            return np.clip(actions, self._low, self._high).astype(self.action.dtype)
        actions = values.reshape(len(values), *self.action.shape).astype(np.int64)
        counts = np.broadcast_to(self.action.nvec or self.action.n or 0, actions.shape)
        wrong = (actions < 0) | (actions >= counts)
        if wrong.any():
            raise InputRefused(
                f"{self.path.name}: {quoted(self.output.action or '')} gave the action {actions[wrong][0]}; "
                f"{self.env.id} has 0 to {counts[wrong][0] - 1}."
            )
        return actions
