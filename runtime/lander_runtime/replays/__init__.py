"""Episodes stored as seeds and actions: written, read, verified and drawn again, without the policy.

header.py    the first line: policy, environment, seeds, versions
recorded.py  one episode of a file: its line of JSON, and the checks when it is read
writer.py    an observer of an evaluation that writes the file
reader.py    reads a file episode by episode and trusts nothing in it
verify.py    the same actions again: does the environment give the same rewards?
showing.py   draws replays into files and a window

The format is described in docs/replay-file.md.
"""

from lander_runtime.replays.header import Header, header_for
from lander_runtime.replays.reader import ReplayFile
from lander_runtime.replays.recorded import Recorded
from lander_runtime.replays.verify import Divergence, EpisodeCheck, ReplayVerifier, differences_of_machine
from lander_runtime.replays.writer import ReplayWriter

__all__ = [
    "Divergence",
    "EpisodeCheck",
    "Header",
    "Recorded",
    "ReplayFile",
    "ReplayVerifier",
    "ReplayWriter",
    "differences_of_machine",
    "header_for",
]
