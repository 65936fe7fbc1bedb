"""What is exported: finding a checkpoint, ours or another library's, and reading it.

Every export begins here, whatever it writes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.importing import import_options
from lander_rl.inputs.networks import check_network_is_wanted, take_network
from lander_rl.inputs.old_versions import warn_of_old_version
from lander_rl.inputs.time_limits import check_time_limit
from lander_runtime.envs.imports import without_module
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.kernels import KERNEL, how_to_have, kernels_here, other_kernel
from lander_runtime.shipped import newest_run, newest_run_in

if TYPE_CHECKING:
    from lander_export import Source
    from lander_runtime.envs.wrapping import Wrap
    from lander_runtime.spec import EnvSpec

_OTHER_NAMES = {"env_args": "env-arg"}
"""Fields whose option is another word."""


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """What is exported, and what its file does not say itself."""

    source: Path | None = None
    """A run's folder, a checkpoint, a zip of Stable-Baselines3, a folder with one, or a state dict; the
    newest run where it is None."""

    out: Path | None = None
    """The file to write; beside the checkpoint where it is None."""

    env: str | None = None
    """The environment of another library's file, which does not name it."""

    env_args: Mapping[str, Any] | None = None
    """Arguments of `env`, such as `{"enable_wind": True}`."""

    max_episode_steps: int | None = None
    """Steps after which an episode in `env` is truncated, at least 1; None keeps the registered limit."""

    activation: str | None = None
    """Of a bare state dict: tanh, relu, elu or silu; its library's usual one where it is None."""

    normalizer: str | None = None
    """What normalises the observations of another library's file: a file of statistics (.npz with mean and
    var, or the pickle of VecNormalize), `checkpoint` for those in a state dict, or `none`."""

    normalizer_epsilon: float | None = None
    """Of that normalisation; the file's or its library's usual one where it is None."""

    normalizer_clip: float | None = None
    """Largest absolute value of a normalised observation; the same where it is None."""

    pixel_scale: float | None = None
    """What the observations of a state dict are divided by, such as 255; asked for where they are pixels."""

    squash: str | None = None
    """`tanh` where a state dict's actions go through tanh and are rescaled to the bounds, `clip` where they
    are clipped to [-1, 1] and rescaled, else `none`."""

    license: str | None = None
    """Licence to state; MIT, or `unknown` for a state dict, where it is None."""

    wrap: "Wrap | None" = None
    """Wrappers around `env`, as in `EvaluateRequest`."""

    imports: Sequence[str] = ()
    """Modules that register environments. A checkpoint's own word imports nothing."""

    network: Any = None
    """The network of your own that the run was trained with, as in `TrainRequest`; in the same process it is
    known."""

    def __post_init__(self) -> None:
        check_time_limit(self.max_episode_steps)

    def first_given(self, *names: str) -> str | None:
        """The option of the first of these fields that was given, such as `--env-arg`; else None."""
        given = (name for name in names if getattr(self, name) not in (None, {}))
        return next((f"--{_OTHER_NAMES.get(name, name.replace('_', '-'))}" for name in given), None)

    def named_env(self) -> "EnvSpec | None":
        """The environment that the user named; None where the file is to name it.

        Raises:
            UsageError: Gymnasium does not know it, or something is said of it without naming it.
        """
        from lander_runtime import envs

        if self.env is None:
            option = self.first_given("env_args", "max_episode_steps", "wrap")
            if option is not None:
                raise UsageError(f"{option} goes with --env, for weights that do not name their environment.")
            return None
        wrappers = None if self.wrap is None else envs.read_wrap(self.wrap)
        env = envs.resolve(without_module(self.env, self.imports), self.env_args, wrappers)
        if self.env_args:
            envs.try_out(env)
        return replace(env, max_episode_steps=self.max_episode_steps or env.max_episode_steps)


def find_checkpoint(source: Path | None, imports: Sequence[str] = ()) -> Path:
    """The file to export: the best weights of a run, the newest one for None, or the file that was named.

    Of a folder as on the Hugging Face Hub it is the one model of Stable-Baselines3.

    Args:
        source: what was named.
        imports: modules that the caller imported, for commands to be pasted.

    Raises:
        InputRefused: there is no run, or the folder has no checkpoint.
    """
    if source is None:
        source = newest_run()
        if source is None:
            raise InputRefused("There is no run under runs/ to export. Type: lander train")
    if not source.is_dir():
        return source
    for name in ("best.safetensors", "checkpoint.safetensors"):
        if (source / name).is_file():
            return source / name
    from lander_export import peer_file

    found = peer_file(source, import_options(imports))
    if found is not None:
        return found
    newest = newest_run_in(source)
    if newest is None:
        raise InputRefused(f"{source}: a folder without best.safetensors or checkpoint.safetensors.")
    return find_checkpoint(newest, imports)


def load_checkpoint(checkpoint: Path, request: SourceRequest, say: Callable[[str], None]) -> "Source":
    """Read a checkpoint of ours or of another library, and say what was found.

    Raises:
        InputRefused: it is missing or damaged, or does not fit the environment.
        UsageError: an option is missing, or does not go with such a file.
    """
    from lander_export import PeerOptions, load_source

    take_network(request.network)
    env = request.named_env()
    options = PeerOptions(
        normalizer=request.normalizer,
        normalizer_epsilon=request.normalizer_epsilon,
        normalizer_clip=request.normalizer_clip,
        pixel_scale=request.pixel_scale,
        squash=request.squash,
    )
    ours = checkpoint.suffix == ".safetensors"
    if ours:
        say(f"Exporting {checkpoint}")
    source = load_source(checkpoint, env, request.activation, options, import_options(request.imports))
    check_network_is_wanted(request.network, checkpoint, source.training.config.get("network"))
    kernel = other_kernel(source.training.versions) if ours else None
    if kernel is not None:
        say(
            f"It was trained with {kernel}, and NumPy has {kernels_here()[KERNEL]} here: the command that "
            f"its card names gives other weights here. {how_to_have(kernel)}"
        )
    if not ours:
        say(f"Exporting {checkpoint}: {'; '.join(source.notes)}")
    if env is not None:
        warn_of_old_version(env.id, say)
    return source
