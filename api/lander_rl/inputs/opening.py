"""Opens the policy that is meant for an environment, for every function that takes one."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from lander_rl.inputs.file_options import FileOptions
from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.finding import find_policy
from lander_rl.inputs.importing import with_imports
from lander_rl.wording import names_arguments
from lander_runtime.errors import UsageError
from lander_runtime.scores.words import env_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.episodes.actors import AnyPolicy
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.spec import EnvSpec


class HasPath(Protocol):
    """A `Run`, or any other object with a folder."""

    @property
    def path(self) -> Path: ...


if TYPE_CHECKING:
    PolicySource = PolicyFile | Filename | HasPath | Callable[[Any], Any] | None
else:
    PolicySource = Any
"""What the functions take as a policy: an open one, a file, a run or its folder, a function from observations
`[batch, *obs_shape]` to actions `[batch, ...]`, or None for the newest run's, else the one that ships."""


@dataclass(frozen=True)
class Opened:
    """A policy and the environment that it is to act in."""

    policy: "AnyPolicy"
    path: Path | None
    """None where the policy is a function."""
    origin: str
    """Why this policy was taken, in a few words."""
    env: "EnvSpec"

    @property
    def file(self) -> "PolicyFile | None":
        """The policy where it is a file; None where it is a function."""
        from lander_runtime.policy.base import PolicyFile

        return self.policy if isinstance(self.policy, PolicyFile) else None

    @property
    def name(self) -> Path:
        """Its path, or the name of the function."""
        return self.path or Path(getattr(self.policy, "__name__", type(self.policy).__name__))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Assumptions about a file without lander's metadata, a sentence each."""
        return () if self.file is None else self.file.assumptions

    @property
    def in_words(self) -> str:
        """Such as `LunarLander-v3(enable_wind=True)`; if the file names another environment, that too."""
        here = env_in_words(self.env)
        if self.file is None or env_in_words(self.file.env) == here:
            return here
        return f"{here} (the file says {env_in_words(self.file.env)})"

    @property
    def on(self) -> str:
        """Such as ` on CPUExecutionProvider`; empty for a function."""
        return "" if self.file is None else f" on {self.file.provider}"


@names_arguments
def open_policy(
    policy: PolicySource = None,
    env: "EnvSpec | str | None" = None,
    *,
    device: str = "auto",
    env_args: Mapping[str, Any] | None = None,
    wrap: "Wrap | None" = None,
    output: str | None = None,
    action_range: str | None = None,
    stateless: bool = False,
    large: bool = False,
    normalizer: Filename | None = None,
    normalizer_epsilon: float | None = None,
    normalizer_clip: float | None = None,
    pixel_scale: float | None = None,
    imports: Sequence[str] = (),
) -> "PolicyFile":
    """Open a policy file of any origin, found as the commands find it.

    Args:
        policy: a file, a run or its folder. By default the newest run's policy, else the one that ships.
        env: the environment or its id, for a file without lander's metadata.
        device: `auto`, `cpu` or `cuda`. `cuda` fails where it does not run, and never falls back.
        env_args: arguments of the environment.
        wrap: wrappers around `env`, for a file without metadata.
        output: which output is the action, where a file without metadata does not make it clear.
        action_range: `env` where the continuous actions of such a file are in the environment's units, or
            what they lie within, such as `-1,1`, to be scaled to the environment's bounds.
        stateless: run a recurrent policy of such a file without its memory.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.
        normalizer: a file of statistics that normalises its observations: .npz with mean and var, or the
            pickle of VecNormalize, which is not unpickled.
        normalizer_epsilon: added to the variance, in place of the file's or the usual one.
        normalizer_clip: largest absolute value of a normalised observation, likewise.
        pixel_scale: what its observations are divided by, such as 255.
        imports: modules that register environments.

    Raises:
        InputRefused: there is no such file, or it is corrupt, hostile or does not fit `env`.
        MachineLacks: `cuda` does not run here.
        UsageError: a function was given, Gymnasium does not know `env`, or there is no such output.
    """
    opened = open_for(
        policy, with_imports(imports, env), device=device, env_args=env_args, wrap=wrap,
        options=FileOptions(
            output=output, action_range=action_range, stateless=stateless, large=large, normalizer=normalizer,
            normalizer_epsilon=normalizer_epsilon, normalizer_clip=normalizer_clip, pixel_scale=pixel_scale,
        ),
        imports=imports,
    )  # fmt: skip
    if opened.file is None:
        raise UsageError("A function is no policy file, and there is nothing to open. Pass it on as it is.")
    return opened.file


def open_for(
    policy: PolicySource,
    env: "EnvSpec | str | None",
    *,
    device: str = "auto",
    env_args: Mapping[str, Any] | None = None,
    wrap: "Wrap | None" = None,
    options: FileOptions | None = None,
    imports: Sequence[str] = (),
) -> Opened:
    """A policy of any kind with the environment that it is to act in; arguments as of `open_policy`.

    If `env` is the id that the file names, the file's wrappers and arguments stay, except for `env_args`.
    """
    from lander_runtime.foreign.opening import SaysItself
    from lander_runtime.foreign.opening import open_policy as open_file
    from lander_runtime.policy.base import PolicyFile

    given, options = dict(env_args or {}), options or FileOptions()
    named = _completed(env, given, wrap)
    if isinstance(policy, PolicyFile):
        _check_opened(device, options)
        _check_wrappers(policy, named, wrap)
        return Opened(policy, policy.path, "as given", _env_for(policy, env, named, given))
    if callable(policy):
        if options != FileOptions():
            raise SaysItself(
                "What is said of files without lander's metadata is not for a function. Leave out "
                f"{options.words[0].partition('=')[0]}."
            )
        if named is None:
            raise UsageError("Name the environment: a plain function does not say which one it acts in.")
        return Opened(cast("AnyPolicy", policy), None, "as given", named)
    path, origin = find_policy(_path_of(policy), imports)
    opened = open_file(path, named, device, choices=options.choices())
    _check_wrappers(opened, named, wrap)
    return Opened(opened, path, origin, _env_for(opened, env, named, given))


def _path_of(policy: object) -> Path | None:
    if policy is None or isinstance(policy, str | os.PathLike):
        return path_of(policy)
    path = getattr(policy, "path", None)
    if isinstance(path, str | os.PathLike):
        return path_of(path)
    raise UsageError(
        f"Expected a policy, its file, a run or a function, found {type(policy).__name__}. "
        "Name a file such as 'policy.onnx'."
    )


def _check_opened(device: str, options: FileOptions) -> None:
    if device != "auto" or options != FileOptions():
        raise UsageError(
            "This policy is open already: 'device', 'output', 'action_range', 'stateless', 'normalizer', "
            "'pixel_scale' and 'large' are for files. Leave them out."
        )


def _check_wrappers(policy: "PolicyFile", named: "EnvSpec | None", wrap: "Wrap | None") -> None:
    """Refuse other wrappers than those that a file names itself."""
    if wrap is not None and named is not None and policy.env.wrappers != named.wrappers:
        raise UsageError(f"{policy.path.name} names its own wrappers. Leave out --wrap.")


def _completed(env: "EnvSpec | str | None", given: dict[str, Any], wrap: "Wrap | None") -> "EnvSpec | None":
    from lander_runtime import envs

    if isinstance(env, str):
        return envs.resolve(env, given, None if wrap is None else envs.read_wrap(wrap))
    if wrap is not None:
        what = "an id with --env" if env is None else "an id; an EnvSpec has its own 'wrappers'"
        raise UsageError(
            f"--wrap is for a file without lander's metadata, in an environment named as {what}."
        )
    if env is None:
        return None
    return replace(env, kwargs={**env.kwargs, **given})


def _env_for(
    policy: "PolicyFile", env: "EnvSpec | str | None", named: "EnvSpec | None", given: dict[str, Any]
) -> "EnvSpec":
    """`named`, or the file's own environment where only its id was given."""
    own = policy.env
    if named is None or (isinstance(env, str) and named.id == own.id):
        # What is typed is no fault of the file.
        return replace(own, kwargs={**own.kwargs, **given}, origin=None if given else own.origin)
    return named
