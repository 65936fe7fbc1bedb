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
from lander_runtime.foreign.external_weights import needs_weights, weights_file, with_weights
from lander_runtime.foreign.matching import by_row, feed, match
from lander_runtime.foreign.pruning import without_other_outputs
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.content import MAX_FILE_BYTES, read_policy_file
from lander_runtime.policy.policy import NoMetadata, Policy
from lander_runtime.policy.sampling import greedy_blocks, sample_blocks, sample_categorical
from lander_runtime.policy.session import open_session
from lander_runtime.spec import EnvSpec, Space, filled_bounds


def open_policy(
    path: str | Path, env: EnvSpec | str | None = None, device: str = "auto", output: str | None = None
) -> PolicyFile:
    """Open a policy file of any origin.

    Args:
        path: an ONNX file. With our metadata it opens as a `Policy`, whatever `env` says.
        env: the environment of a file without metadata, or its id.
        device: `auto`, `cpu` or `cuda`.
        output: the output of a file without metadata that is the action, if this is not clear.

    Raises:
        InputRefused: the file cannot be read, contains what no policy may, does not fit `env`, or has no
            metadata while `env` is None.
        MachineLacks: `cuda` does not run here.
        UsageError: Gymnasium does not know `env`, or there is no such output.
    """
    path = Path(path)
    model, weights = _read_files(path)
    try:
        # Files with our metadata have no external weights.
        if weights:
            raise NoMetadata.of(path)
        policy = Policy.from_bytes(model, path, device)
    except NoMetadata:
        if env is None:
            raise
        return ForeignPolicy.from_bytes(model, path, env, device, output, weights)
    if output is not None:
        raise UsageError(f"The metadata of {path.name} already names the action; leave out --output.")
    return policy


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
        named: str | None,
        weights: bytes = b"",
    ) -> None:
        """Match the graph with `spaces`, those of `env`; otherwise like `from_bytes`."""
        read = read_model(model, path.name)
        if weights:
            read = with_weights(read, weights, path, MAX_FILE_BYTES)
        self._opened = open_session(without_other_outputs(read), path.name, device)
        self.path = path
        # With external weights, the digest covers both files, one after the other.
        self.sha256 = sha256_of(model + weights)
        self.provider = self._opened.provider
        self.device = self._opened.device
        self.device_note = self._opened.note
        self.env = env
        self.observation, self.action = spaces
        try:
            found = match(self._opened, self.observation, self.action, named)
        except (InputRefused, UsageError) as error:
            raise type(error)(f"{path.name} in {env.id}: {error}") from error
        self.batch_size = found.batch
        self.can_be_sampled = found.output.scores is not None
        self.assumptions = found.assumptions
        self._input, self._output = found.input, found.output
        self._probabilities = found.probabilities
        self._low, self._high = filled_bounds(self.action)
        self._reduce_arguments = (model, path, env, spaces, self.device, named, weights)

    @classmethod
    def load(
        cls, path: str | Path, env: EnvSpec | str, device: str = "auto", output: str | None = None
    ) -> "ForeignPolicy":
        """Load a file and match it with the spaces of `env`.

        Args:
            path: an ONNX file with one input for the observation and an output for the action. Its weights
                may be in a file beside it, with the same name and `.data` at the end.
            env: the environment, or its id.
            device: `auto`, `cpu` or `cuda`; `cuda` never falls back to the CPU.
            output: the output that is the action, if this is not clear.

        Raises:
            InputRefused: the file is missing, is not ONNX, contains what no policy may, or does not fit.
            MachineLacks: `cuda` does not run here.
            UsageError: Gymnasium does not know `env`, or there is no such output.
        """
        path = Path(path)
        model, weights = _read_files(path)
        return cls.from_bytes(model, path, env, device, output, weights)

    @classmethod
    def from_bytes(
        cls,
        model: bytes,
        path: Path,
        env: EnvSpec | str,
        device: str = "auto",
        output: str | None = None,
        weights: bytes = b"",
    ) -> "ForeignPolicy":
        """Like `load`, from the file's content; `path` is only its name.

        `weights` is the content of the second file, if the weights are external.
        """
        spec = envs.recipe_of(env)
        probe = envs.make(spec)
        try:
            spaces = envs.describe_spaces(probe)
        finally:
            probe.close()
        return cls(model, path, spec, spaces, device, output, weights)

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
        obs = np.asarray(obs)
        shape = self.observation.shape
        single = obs.shape == shape
        batch = obs[None] if single else obs
        if rng is not None:
            actions = self.draw(self.outputs(batch), rng)
        elif self._output.action is None:
            scores = self._run(self._output.scores, batch)
            actions = (
                greedy_blocks(scores, nvec) if (nvec := self.action.nvec) else np.argmax(scores, axis=-1)
            )
        else:
            actions = self._as_actions(self._run(self._output.action, batch))
        if not single:
            return actions
        return int(actions[0]) if self.action.type == "Discrete" else actions[0]

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        """`logits` `[batch, n]`, or the logarithm of the file's probabilities; raises like `act`."""
        if self._output.scores is None:
            raise UsageError(
                f"{self.path.name} gives actions but no distribution to draw from. Leave out --sampled."
            )
        scores = self._run(self._output.scores, np.asarray(obs))
        if self._probabilities:
            with np.errstate(divide="ignore"):
                scores = np.log(np.maximum(scores, 0.0))
        return {"logits": scores}

    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw actions, int64 `[batch]` or `[batch, k]`, from what the method `outputs` returned."""
        if self.action.nvec:
            return sample_blocks(outputs["logits"], self.action.nvec, rng)
        return sample_categorical(outputs["logits"], rng)

    def _run(self, output: str | None, obs: NDArray[Any]) -> NDArray[Any]:
        """One output for observations `[batch, *obs_shape]`, run in batches of the graph's size."""
        shape = self.observation.shape
        if obs.shape[1:] != shape or obs.ndim == 0 or len(obs) == 0:
            raise UsageError(
                f"Expected observations of shape {list(shape)} or a batch of them, found {list(obs.shape)}."
            )
        if obs.dtype.kind == "f" and not np.isfinite(obs).all():
            bad = np.argwhere(~np.isfinite(obs))[0].tolist()
            raise UsageError(f"The observation holds {obs[tuple(bad)]} at index {bad}; it must be finite.")
        assert output is not None
        size = self.batch_size or len(obs)
        parts = []
        for start in range(0, len(obs), size):
            rows = obs[start : start + size]
            missing = size - len(rows)
            full = np.concatenate([rows, np.zeros((missing, *shape), obs.dtype)]) if missing else rows
            [result] = self._opened.run([output], feed(self._input, full))
            values = by_row(result, size)
            if values is None:
                raise InputRefused(
                    f"{self.path.name}: expected {size} rows from {output!r}, "
                    f"found the shape {list(np.shape(result))}."
                )
            parts.append(values[: len(rows)])
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise InputRefused(f"{self.path.name}: the output {output!r} contains NaN; expected numbers.")
        return values

    def _as_actions(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.action.type == "Box":
            actions = values.reshape(len(values), *self.action.shape).astype(np.float64)
            return np.clip(actions, self._low, self._high).astype(self.action.dtype)
        actions = values.reshape(len(values), *self.action.shape).astype(np.int64)
        counts = np.broadcast_to(self.action.nvec or self.action.n or 0, actions.shape)
        wrong = (actions < 0) | (actions >= counts)
        if wrong.any():
            raise InputRefused(
                f"{self.path.name}: {self._output.action!r} gave the action {actions[wrong][0]}; "
                f"{self.env.id} has 0 to {counts[wrong][0] - 1}."
            )
        return actions


def _read_files(path: Path) -> tuple[bytes, bytes]:
    """The content of the file at `path` and of the file with its external weights; empty if it has none."""
    model = read_policy_file(path)
    if not needs_weights(read_model(model, path.name)):
        return model, b""
    try:
        return model, read_policy_file(weights_file(path))
    except InputRefused as error:
        raise InputRefused(
            f"{path.name}: keeps weights in another file, and {error} Export it with external_data=False."
        ) from error
