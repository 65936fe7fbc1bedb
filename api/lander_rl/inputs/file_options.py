"""What the user says of a file that does not say it itself."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.inputs.filenames import Filename
from lander_runtime.errors import InputRefused, UsageError

if TYPE_CHECKING:
    from lander_runtime.foreign.matching import Choices
    from lander_runtime.foreign.preparation import Preparation


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Options for files without lander's metadata; None where nothing was said."""

    output: str | None = None
    """The output that is the action."""
    action_range: str | None = None
    """`env`, or such as `-1,1`."""
    stateless: bool = False
    """Run a recurrent policy without its memory."""
    normalizer: Filename | None = None
    """A file of statistics: .npz with mean and var, or the pickle of VecNormalize."""
    normalizer_epsilon: float | None = None
    """In place of the file's or the usual one."""
    normalizer_clip: float | None = None
    """Largest absolute value of a normalised observation, likewise."""
    pixel_scale: float | None = None
    """What observations are divided by, such as 255."""
    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more than is usual; of any file."""

    @classmethod
    def of(cls, request: object) -> "FileOptions":
        """What a request says, whose fields have the same names."""
        return cls(**{field.name: getattr(request, field.name) for field in fields(cls)})

    @property
    def words(self) -> list[str]:
        """As words of a command to be pasted."""
        words = [] if self.output is None else ["--output", self.output]
        # A range may begin with a minus.
        words += [] if self.action_range is None else [f"--action-range={self.action_range}"]
        words += ["--stateless"] if self.stateless else []
        words += [] if self.normalizer is None else ["--normalizer", os.fspath(self.normalizer)]
        numbers = {
            "--normalizer-epsilon": self.normalizer_epsilon,
            "--normalizer-clip": self.normalizer_clip,
            "--pixel-scale": self.pixel_scale,
        }
        for name, value in numbers.items():
            words += [] if value is None else [name, f"{value:.17g}"]
        return [*words, "--large"] if self.large else words

    def choices(self) -> "Choices":
        """The same for the runtime, with the file of statistics read.

        Raises:
            InputRefused: that file is missing, damaged or hostile, or has no statistics of observations.
            UsageError: options that do not go together.
        """
        from lander_runtime.foreign.matching import Choices

        return Choices(
            output=self.output,
            action_range=self.action_range,
            stateless=self.stateless,
            preparation=self._preparation(),
            large=self.large,
        )

    def _preparation(self) -> "Preparation | None":
        from lander_runtime.foreign.preparation import Preparation
        from lander_runtime.inert.normalizer import read_normalizer

        if self.normalizer is None:
            if self.normalizer_epsilon is not None or self.normalizer_clip is not None:
                raise UsageError("--normalizer-epsilon and --normalizer-clip belong to: --normalizer FILE")
            return None if self.pixel_scale is None else Preparation(pixel_scale=self.pixel_scale)
        path = Path(self.normalizer)
        normalizer = read_normalizer(path, self.normalizer_epsilon, self.normalizer_clip)
        if normalizer is None:
            raise InputRefused(
                f"{path}: only rewards were normalised, so observations are as they are. "
                "Leave out --normalizer."
            )
        return Preparation(normalizer, self.pixel_scale)
