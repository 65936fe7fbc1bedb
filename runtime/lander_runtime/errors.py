"""The errors that `lander` raises on purpose. One base class, so that an application can catch them all.

Each class but `Interrupted` stands for one exit code of the `lander` command. The code is kept here, so that
it always agrees with the meaning of the error.

    1  CheckFailed        a check that the user asked for did not pass
    2  UsageError         an argument is wrong
    3  InputRefused       a file is corrupt, hostile or does not fit
    4  MachineLacks       an extra, a device, disk space or a login is missing
    5  EnvironmentFailed  an environment's own code raised, or returned what it does not promise
"""

from lander_runtime.text import printable_lines


class LanderError(Exception):
    """Base of every error raised on purpose: one or two sentences that end in what to do next."""

    exit_code = 1

    def __str__(self) -> str:
        # It may repeat what a file holds, and a library's words about it; applications print it as it is.
        return printable_lines(super().__str__())


class CheckFailed(LanderError):
    """A check that the user asked for (verification, a score to reach) did not pass."""

    exit_code = 1


class UsageError(LanderError):
    """An argument is unknown, out of range or in conflict with another."""

    exit_code = 2


class InputRefused(LanderError):
    """A file is missing, corrupt, hostile, or does not fit what it is used for."""

    exit_code = 3


class MachineLacks(LanderError):
    """The machine lacks something: a package, a device, a display, disk space, a login."""

    exit_code = 4


class EnvironmentFailed(LanderError):
    """An environment's own code raised, or returned what it does not promise."""

    exit_code = 5


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while episodes ran. No `LanderError`, because it must end a program that does not expect it."""

    def __init__(self, partial: object = None) -> None:
        """Keep what is known by now.

        Args:
            partial: the report or the comparison of the first episodes, all of those before it ended too;
                None before the first has ended.
        """
        super().__init__()
        self.partial = partial
