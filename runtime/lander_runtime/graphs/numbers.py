"""The numbers of a model's tensors as NumPy arrays, and the digest over them.

Apart from `tensor_data.py`, which is about the forms in which a file may have them.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from lander_runtime.graphs.model import Model, Tensor

_DTYPES = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8",
    12: "<u4", 13: "<u8",
}  # fmt: skip
"""By TensorProto.DataType: the types that NumPy has too."""


def array_of(tensor: Tensor) -> NDArray[np.generic] | None:
    """The numbers in their shape; None for texts and types that NumPy lacks.

    Args:
        tensor: one that `structure.check_structure` has passed, so that it is as large as it says.
    """
    dtype = _DTYPES.get(tensor.element)
    return None if dtype is None else np.frombuffer(tensor.raw, dtype).reshape(tensor.dims)


def weights_digest(model: Model) -> str:
    """SHA-256 over the raw bytes of all initialisers, in the order of their names; hexadecimal.

    This is what a policy file names as `weights_sha256`.
    """
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializers, key=lambda tensor: tensor.name):
        digest.update(tensor.raw)
    return digest.hexdigest()
