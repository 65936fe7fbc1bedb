"""`open_policy`: a policy file of any origin.

Apart from `foreign.py`, which knows files without our metadata only.
"""

from dataclasses import replace
from pathlib import Path

from lander_runtime.errors import UsageError
from lander_runtime.foreign.external_weights import read_files
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.matching import Choices
from lander_runtime.policy.base import PolicyFile
from lander_runtime.policy.policy import NoMetadata, Policy
from lander_runtime.spec import EnvSpec


def open_policy(
    path: str | Path,
    env: EnvSpec | str | None = None,
    device: str = "auto",
    output: str | None = None,
    *,
    choices: Choices | None = None,
) -> PolicyFile:
    """Open a policy file of any origin.

    Args:
        path: an ONNX file. With our metadata it opens as a `Policy`, whatever `env` says.
        env: the environment of a file without metadata, or its id.
        device: `auto`, `cpu` or `cuda`.
        output: the output of a file without metadata that is the action, if this is not clear.
        choices: stands for `output` and all else that the user says of such a file.

    Raises:
        InputRefused: the file cannot be read, contains what no policy may, does not fit `env`, or has no
            metadata while `env` is None.
        MachineLacks: `cuda` does not run here.
        UsageError: Gymnasium does not know `env`, there is no such output, or an argument is for files
            without metadata and this one has it.
    """
    path = Path(path)
    choices = choices or Choices(output)
    model, weights = read_files(path, large=choices.large)
    try:
        # Files with our metadata have no external weights.
        if weights:
            raise NoMetadata.of(path)
        policy = Policy.from_bytes(model, path, device, choices.large)
    except NoMetadata:
        if env is None:
            raise
        return ForeignPolicy.from_bytes(model, path, env, device, weights=weights, choices=choices)
    if choices.output is not None:
        raise SaysItself(f"The metadata of {path.name} already names the action; leave out --output.")
    if replace(choices, large=False) != Choices(choices.output):
        raise SaysItself(
            f"{path.name} was written by lander, and its metadata says how it acts; leave out "
            "--action-range, --stateless, --normalizer and --pixel-scale."
        )
    return policy


class SaysItself(UsageError):
    """Something was said of a file that says it itself."""
