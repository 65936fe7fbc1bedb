"""Arrays of numbers in an .npz file, with their sizes checked before memory is taken for them."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.peers.zip_reading import ZipMembers
from lander_runtime.errors import InputRefused

_LARGEST = 2**26
_KINDS = "fiu"


def read_arrays(content: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name.

    Raises:
        InputRefused: it is none, is damaged, or holds anything else than numbers.
    """
    members = ZipMembers(content, where)
    return {
        name.removesuffix(".npy"): _array(members.read(name, _LARGEST), f"{where}: {name}")
        for name in members.names
        if name.endswith(".npy")
    }


def _array(content: bytes, where: str) -> NDArray[Any]:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(stream)
        raw = content[stream.tell() :]
        # numpy's own reader takes memory for the shape first, whatever the file really holds.
        if dtype.kind not in _KINDS or len(raw) != dtype.itemsize * int(np.prod(shape, dtype=object)):
            raise ValueError("no array of numbers, or one of another size")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # A damaged header can raise anything.
        raise InputRefused(f"{where}: not an array of numbers, or a damaged one.") from error
