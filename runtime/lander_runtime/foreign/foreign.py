"""`ForeignPolicy`: somebody else's ONNX file, which says nothing of itself, flying a named environment.

Apart from `policy.py` because there the file makes promises that are held against it, and here promises
are guessed from shapes, types and a trial, and every guess is said.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import sha256_of
from lander_runtime.foreign.external_weights import needs_weights, weights_file, with_weights
from lander_runtime.foreign.matching import by_row, feed, match
from lander_runtime.foreign.pruning import without_other_outputs
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.policy import MAX_FILE_BYTES, NoMetadata, Policy, read_policy_file
from lander_runtime.policy.reading import read_model
from lander_runtime.policy.sampling import sample_categorical
from lander_runtime.policy.session import open_session
from lander_runtime.spec import EnvSpec, Space, filled_bounds


def open_policy(
    path: str | Path, env: EnvSpec | str | None = None, device: str = "auto", output: str | None = None
) -> PolicyFile:
    """Open a policy file of any origin.

    Args:
        path: an ONNX file. With our metadata it opens as a `Policy`, whatever `env` says.
        env: what a file without metadata flies: an environment or its id.
        device: `auto`, `cpu` or `cuda`.
        output: which output of a file without metadata is the action, where that cannot be guessed.

    Raises:
        InputRefused: it cannot be read, it holds what no policy may, it does not fit `env`, or it has no
            metadata and no `env` was given.
        MachineLacks: `cuda` does not run here.
        UsageError: Gymnasium does not know `env`, or there is no such output.
    """
    path = Path(path)
    model, weights = _read_files(path)
    try:
        # Ours are in one piece.
        if weights:
            raise NoMetadata.of(path)
        policy = Policy.from_bytes(model, path, device)
    except NoMetadata:
        if env is None:
            raise
        return ForeignPolicy.from_bytes(model, path, env, device, output, weights)
    if output is not None:
        raise UsageError(f"{path.name} says itself which output is the action; leave out --output.")
    return policy


class ForeignPolicy(PolicyFile):
    """An ONNX file without our metadata, flying `env`. Open one with `ForeignPolicy.load`.

    Threads may share it. Pickled, it travels as its file's bytes and opens a session of its own.
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
        """Match the graph with `spaces`, those of `env`; as `from_bytes` otherwise."""
        read = read_model(model, path.name)
        if weights:
            read = with_weights(read, weights, path, MAX_FILE_BYTES)
        self._opened = open_session(without_other_outputs(read), path.name, device)
        self.path = path
        # With weights in a file of their own: of the two files, one after the other.
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
            path: an ONNX file with one input for the observation and an output for the action; its
                weights may lie beside it in a file of that name and `.data`.
            env: what it flies: an environment or its id.
            device: `auto`, `cpu` or `cuda`; `cuda` fails rather than fall back.
            output: which output is the action, where that cannot be guessed.

        Raises:
            InputRefused: the file is missing, is not ONNX, holds what no policy may, or does not fit.
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
        """Like `load`, from the file's content; `path` is what to call it.

        `weights` is the content of the file with its weights, where it has them in one of their own.
        """
        spec = envs.recipe_of(env)
        probe = envs.make(spec)
        try:
            spaces = envs.describe_spaces(probe)
        finally:
            probe.close()
        return cls(model, path, spec, spaces, device, output, weights)

    def __reduce__(self) -> tuple[Any, ...]:
        # With the spaces, because where it is unpickled the environment may not be registered yet.
        return type(self), self._reduce_arguments

    def act(self, obs: NDArray[Any], rng: np.random.Generator | None = None) -> Any:
        """Choose an action for one observation or a batch, told apart by shape.

        Args:
            obs: `[*obs_shape]` or `[batch, *obs_shape]`, as the environment hands it out.
            rng: draw from the file's scores or probabilities; greedy without it.

        Returns:
            As `Policy.act` does.

        Raises:
            InputRefused: the graph gives what is no action.
            UsageError: wrong shape, an empty batch, or a NaN or infinity in `obs`; `rng` where there is
                nothing to draw from.
        """
        obs = np.asarray(obs)
        shape = self.observation.shape
        single = obs.shape == shape
        batch = obs[None] if single else obs
        if rng is not None:
            actions = self.draw(self.outputs(batch), rng)
        elif self._output.action is None:
            actions = np.argmax(self._run(self._output.scores, batch), axis=-1)
        else:
            actions = self._as_actions(self._run(self._output.action, batch))
        if not single:
            return actions
        return int(actions[0]) if self.action.type == "Discrete" else actions[0]

    def outputs(self, obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """`logits` `[batch, n]`, the logarithm where the file gives probabilities; raises like `act`."""
        if self._output.scores is None:
            raise UsageError(
                f"{self.path.name} gives actions and no probabilities, so there is nothing to draw from. "
                "Leave out --sampled."
            )
        scores = self._run(self._output.scores, obs)
        if self._probabilities:
            with np.errstate(divide="ignore"):
                scores = np.log(np.maximum(scores, 0.0))
        return {"logits": scores}

    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw actions `[batch]` from `outputs`, what the method of that name gave."""
        return sample_categorical(outputs["logits"], rng)

    def _run(self, output: str | None, obs: NDArray[Any]) -> NDArray[Any]:
        """One output for observations `[batch, *obs_shape]`, in portions of the size that the graph takes."""
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
                raise InputRefused(f"{self.path.name}: {output!r} came out as {list(np.shape(result))}.")
            parts.append(values[: len(rows)])
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise InputRefused(f"{self.path.name}: {output!r} holds NaN, which is no action and no score.")
        return values

    def _as_actions(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.action.type == "Box":
            actions = values.reshape(len(values), *self.action.shape).astype(np.float64)
            return np.clip(actions, self._low, self._high).astype(self.action.dtype)
        actions = values.reshape(len(values)).astype(np.int64)
        n = self.action.n or 0
        wrong = actions[(actions < 0) | (actions >= n)]
        if wrong.size:
            raise InputRefused(
                f"{self.path.name}: {self._output.action!r} gave the action {wrong[0]}; "
                f"{self.env.id} has 0 to {n - 1}."
            )
        return actions


def _read_files(path: Path) -> tuple[bytes, bytes]:
    """The content of the file at `path`, and of the one with its weights; empty where it has them inside."""
    model = read_policy_file(path)
    if not needs_weights(read_model(model, path.name)):
        return model, b""
    try:
        return model, read_policy_file(weights_file(path))
    except InputRefused as error:
        raise InputRefused(
            f"{path.name}: keeps weights in another file, and {error} Export it with external_data=False."
        ) from error
