"""`Policy`: a policy file, loaded and ready to act. The class that other applications embed."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lander_runtime.errors import CheckFailed, InputRefused, UsageError
from lander_runtime.files import sha256_of
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.agreement import among_best, difference, tolerance_for, usual_scale
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.casting import cast_observation, describe_misfit
from lander_runtime.policy.content import read_policy_file
from lander_runtime.policy.contract import check_graph, output_names
from lander_runtime.policy.metadata import PolicyInfo
from lander_runtime.policy.sampling import sample_blocks, sample_categorical, sample_gaussian
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.spec import filled_bounds

_FEW = 64


class NoMetadata(InputRefused):
    """An ONNX file that does not name its environment."""

    @classmethod
    def of(cls, path: Path) -> "NoMetadata":
        """The error for the file at `path`, with what to do about it."""
        return cls(
            f"{path.name}: an ONNX file without the entry {METADATA_KEY!r}, so its environment is not known. "
            "Name it: lander eval FILE --env LunarLander-v3. "
            "Files with this entry are made with: lander export CHECKPOINT"
        )


class NotAsClaimed(InputRefused):
    """A policy file whose weights or outputs are not those that it claims."""


class Policy(PolicyFile):
    """A policy file running in ONNX Runtime. Open one with `Policy.load`.

    Threads may share it. A pickled policy holds the bytes of its file, and the copy opens its own session.
    """

    def __init__(
        self,
        opened: OpenSession,
        info: PolicyInfo,
        path: Path,
        sha256: str,
        model: bytes,
        *,
        large: bool = False,
    ) -> None:
        self.info = info
        """The file's typed metadata."""
        self.env = info.env
        self.observation = info.observation
        self.action = info.action
        self.claimed_score = info.evaluation
        self.path = path
        self.sha256 = sha256
        self.provider = opened.provider
        self.device = opened.device
        self.device_note = opened.note
        self._model = model
        self._large = large
        self._opened = opened
        self._run = opened.run
        self._outputs = output_names(info)
        self._obs_shape = info.observation.shape
        self._obs_dtype = np.dtype(info.observation.dtype)
        self._discrete = info.action.type == "Discrete"
        with np.errstate(over="ignore"):
            self._action_bounds = tuple(bound.astype(np.float32) for bound in filled_bounds(info.action))

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", *, large: bool = False) -> "Policy":
        """Load a policy file.

        Args:
            path: an ONNX file written by `lander export`.
            device: `auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back.
            large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.

        Raises:
            InputRefused: the file is missing, is not ONNX, carries no or bad metadata, its graph, weights or
                golden vectors do not fit its metadata, or it would take more than a policy does.
            MachineLacks: `cuda` does not run here.
        """
        path = Path(path)
        return cls.from_bytes(read_policy_file(path, large=large), path, device, large)

    @classmethod
    def from_bytes(cls, model: bytes, path: Path, device: str = "auto", large: bool = False) -> "Policy":
        """Like `load`, from the file's content; `path` is only its name."""
        read = read_model(model, path.name)
        if read.metadata is None:
            raise NoMetadata.of(path)
        info = PolicyInfo.from_json(read.metadata, path.name)
        opened = open_session(read, path.name, device, limits=LARGE if large else USUAL)
        check_graph(opened, info, path.name)
        policy = cls(opened, info, path, sha256_of(model), model, large=large)
        policy._check_claims(weights_digest(read))
        return policy

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self._model, self.path, self.device, self._large)

    def act(self, obs: ArrayLike, rng: np.random.Generator | None = None) -> Any:
        """Choose an action for one observation or a batch; the shape of `obs` decides which.

        Args:
            obs: `[*obs_shape]` or `[batch, *obs_shape]`, in raw units: an array or nested lists of
                numbers. Another dtype is cast to that of the environment.
            rng: draw from the policy's distribution with this generator; greedy without it.

        Returns:
            For one observation what `env.step` takes: an `int` (Discrete), int64 `[k]` (MultiDiscrete) or
            float32 `[*action_shape]` (Box). For a batch an array `[batch]` or `[batch, *action_shape]`.

        Raises:
            UsageError: `obs` is no array of numbers, has the wrong shape, is an empty batch, or holds a
                NaN, an infinity or a number that the environment's dtype cannot hold.
        """
        obs = self._checked(obs)
        single = obs.ndim == len(self._obs_shape)
        feed = {"obs": obs[None] if single else obs}
        actions = self._run(["action"], feed)[0] if rng is None else self.draw(self.outputs(feed["obs"]), rng)
        if not single:
            return actions
        return int(actions[0]) if self._discrete else actions[0]

    @property
    def content(self) -> bytes:
        """The bytes of its file."""
        return self._model

    def bind(self, batch: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        if type(self).act is not Policy.act:
            return super().bind(batch)  # A subclass that acts in its own way.
        # Not cast: a copy would not follow what is written into `batch`.
        if type(batch) is not np.ndarray or batch.dtype != self._obs_dtype:
            raise UsageError(describe_misfit(batch, self._obs_dtype, self._obs_shape))
        self._checked(batch)
        run = self._opened.bind("action", "obs", batch)
        floats = self._obs_dtype.kind == "f"

        def act() -> NDArray[Any]:
            # Type and shape cannot change, only the numbers; `_checked` says which one is wrong.
            if floats and not np.isfinite(batch).all():
                self._checked(batch)
            return run()

        return act

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        """All outputs of the graph for a batch `[batch, *obs_shape]`: `action` and `logits`, or
        `action`, `mean` and `log_std`.

        Raises:
            UsageError: as in `act`, and for a single observation.
        """
        obs = self._checked(obs)
        if obs.ndim == len(self._obs_shape):
            raise UsageError(
                f"Expected a batch of observations, found {obs.dtype} of shape {list(obs.shape)}."
            )
        return dict(zip(self._outputs, self._run(self._outputs, {"obs": obs}), strict=True))

    def self_test(self) -> float:
        """Run the golden observations; returns the largest difference (see `difference`).

        Raises:
            CheckFailed: an output differs from what the file says by more than the file's tolerance, or
                `tolerance_for` where it names none.
            InputRefused: the golden vectors are misshapen.
        """
        worst, allowed = self.golden_difference(), self.golden_tolerance
        if not worst <= allowed:
            raise CheckFailed(
                f"{self.path.name}: the golden outputs differ by {worst:.2g} on {self.provider}; "
                f"at most {allowed:g} was expected. The file or this build of ONNX Runtime is not sound."
            )
        return worst

    @property
    def golden_tolerance(self) -> float:
        """Largest `golden_difference` that counts as the same."""
        return self.info.golden.tolerance or tolerance_for(self.info.observation)

    def golden_difference(
        self, run: Callable[[NDArray[Any]], Mapping[str, NDArray[Any]]] | None = None
    ) -> float:
        """The largest difference of the golden outputs from those that `run` gives (see `difference`).

        Args:
            run: observations `[G, *obs_shape]` -> outputs by name; this policy itself by default.

        Raises:
            InputRefused: the golden vectors are misshapen.
        """
        golden = self.info.golden
        expected = {name: self._golden(golden.outputs[name], np.float64) for name in self._outputs}
        scale = {name: self._golden_scale(name, values) for name, values in expected.items()}
        try:
            found = (run or self.outputs)(self._golden(golden.observations, self._obs_dtype))
        except UsageError as error:
            raise InputRefused(f"{self.path.name}: the golden observations do not fit. {error}") from error
        allowed = self.golden_tolerance
        if self._discrete and all(found[name].shape == expected[name].shape for name in self._outputs):
            # Of actions that are tied, this build of ONNX Runtime may take another than the file's.
            tied = [
                among_best(actions["action"], expected["logits"], allowed * scale["logits"])
                for actions in (found, expected)
            ]
            expected["action"] = np.where(np.all(tied, axis=0), found["action"], expected["action"])
        return max(difference(found[name], expected[name], scale[name]) for name in self._outputs)

    def _check_claims(self, weights_sha256: str) -> None:
        """Raise `NotAsClaimed` where weights or golden vectors are not what the metadata says."""
        if weights_sha256 != self.info.weights_sha256:
            raise NotAsClaimed(
                f"{self.path.name}: its weights have the SHA-256 {weights_sha256[:12]}..., and it claims "
                f"{self.info.weights_sha256[:12]}...: it was damaged, or changed after its export. "
                "Get it again."
            )
        try:
            self.self_test()
        except CheckFailed as error:
            raise NotAsClaimed(str(error)) from error

    def draw(self, outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[Any]:
        """Draw actions `[batch, ...]` from what the method `outputs` returned."""
        if self._discrete:
            return sample_categorical(outputs["logits"], rng)
        if self.action.nvec:
            return sample_blocks(outputs["logits"], self.action.nvec, rng)
        return np.clip(sample_gaussian(outputs["mean"], outputs["log_std"], rng), *self._action_bounds)

    def _golden_scale(self, name: str, expected: NDArray[Any]) -> NDArray[Any]:
        """What the file says of the scale of the output called `name`, else the usual one."""
        values = (self.info.golden.scale or {}).get(name)
        if values is None:
            return usual_scale(expected)
        scale = self._golden(values, np.float64)
        if scale.shape != expected.shape or not (scale >= 1.0).all():
            raise InputRefused(
                f"{self.path.name}: the scale of the golden {name} should be numbers from 1 on, in its shape."
            )
        return scale

    def _golden(self, values: object, dtype: Any) -> NDArray[Any]:
        try:
            with np.errstate(over="ignore"):
                array = np.asarray(values, dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise InputRefused(f"{self.path.name}: the golden vectors are not arrays of numbers.") from error
        if not np.isfinite(array).all():
            raise InputRefused(f"{self.path.name}: the golden vectors are not finite.")
        return array

    def _checked(self, obs: ArrayLike) -> NDArray[Any]:
        """`obs` itself if the graph takes it as it is, else a cast copy."""
        # Called for every action, so it should stay at about a microsecond.
        shape = self._obs_shape
        if type(obs) is not np.ndarray or obs.dtype != self._obs_dtype:
            return self._checked(cast_observation(obs, self._obs_dtype, shape))
        if not (obs.shape == shape or (obs.shape[1:] == shape and obs.ndim > 0 and len(obs) > 0)):
            raise UsageError(describe_misfit(obs, self._obs_dtype, shape))
        if self._obs_dtype.kind == "f":
            # For a few numbers a sum in Python is faster than a call of NumPy. A finite sum means that
            # all are finite. Otherwise each is checked, because a float64 sum may overflow.
            certain = obs.size <= _FEW and math.isfinite(sum(obs.ravel().tolist()))
            if not certain and not np.isfinite(obs).all():
                bad = np.argwhere(~np.isfinite(obs))[0].tolist()
                raise UsageError(
                    f"The observation holds {obs[tuple(bad)]} at index {bad}; it must be finite."
                )
        return obs
