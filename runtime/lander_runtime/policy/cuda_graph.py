"""A policy as one captured CUDA graph, for batches of one size: what `lander bench` has beside plain CUDA.

Apart from `session.py`, since nothing else runs a policy in this way.
"""

from collections.abc import Callable
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from lander_runtime.errors import MachineLacks
from lander_runtime.graphs.model import Model
from lander_runtime.policy.session import NoCuda, open_cuda
from lander_runtime.text import first_line


def capture_cuda_graph(
    model: Model,
    name: str,
    output: str,
    input_name: str,
    values: NDArray[Any],
    example: NDArray[Any],
) -> Callable[[], NDArray[Any]]:
    """A function without arguments: returns `output` for what `values` then holds, by one CUDA graph.

    All kernels of a run are started at once and at fixed addresses, which saves a small network most of its
    time on a GPU. One shape only, so smaller batches are padded by the caller.

    Args:
        model: one that `open_session` has opened on the CPU.
        name: the name of the file in errors.
        output: the name of the output.
        input_name: the name of the only input.
        values: C-contiguous; the caller refills it in place.
        example: what `output` is for it, for type and shape.

    Raises:
        MachineLacks: CUDA does not run the whole graph here, or cannot capture it.
    """
    try:
        session = open_cuda(model.to_bytes(), {"enable_cuda_graph": "1"})
        given = ort.OrtValue.ortvalue_from_numpy(values, "cuda", 0)
        found = ort.OrtValue.ortvalue_from_shape_and_type(example.shape, example.dtype, "cuda", 0)
        binding = session.io_binding()
        binding.bind_ortvalue_input(input_name, given)
        binding.bind_ortvalue_output(output, found)
        session.run_with_iobinding(binding)  # It captures here.
    except NoCuda as reason:
        raise MachineLacks(f"No CUDA session for {name}: {reason}") from reason
    except Exception as error:  # ONNX Runtime's exception classes share no base but Exception.
        raise MachineLacks(f"No CUDA graph of {name}: ONNX Runtime says {first_line(error, 300)}.") from error

    def run() -> NDArray[Any]:
        given.update_inplace(values)
        session.run_with_iobinding(binding)
        return found.numpy()

    return run
