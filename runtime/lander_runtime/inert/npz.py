"""The arrays of an .npz file, with the memory that its bytes take and no more."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.inert.zip_reading import ZipMembers


def read_arrays(content: bytes, where: str, largest: int) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name.

    Args:
        content: the file.
        where: its name, for messages.
        largest: most bytes of one array.

    Raises:
        InputRefused: it is none, is damaged, or holds anything else than numbers.
    """
    members = ZipMembers(content, where)
    return {
        name.removesuffix(".npy"): _array_of(members.read(name, largest), f"{where}: {name}")
        for name in members.names
        if name.endswith(".npy")
    }


def _array_of(content: bytes, where: str) -> NDArray[Any]:
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
        if dtype.kind not in "fiu" or len(raw) != dtype.itemsize * int(np.prod(shape, dtype=object)):
            raise ValueError("no array of numbers, or one of another size")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # A damaged header can raise anything.
        raise InputRefused(f"{where}: not an array of numbers, or a damaged one.") from error
