"""Episodes kept as seeds and actions: written, read, proved and drawn again, without the policy.

header.py    what a file says about itself
recorded.py  one episode of a file: its checks on the way in, its line of JSON
writer.py    an observer of an evaluation that writes the file
reader.py    a file as an iterator, which trusts nothing in it
proof.py     the same actions again: does the environment give the same rewards?

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
