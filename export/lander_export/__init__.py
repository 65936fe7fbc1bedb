"""Turn a checkpoint into one verified, self-describing ONNX policy file.

    from lander_export import export, load_source
    export(load_source(Path("best.safetensors")), Path("policy.onnx"))

source.py     reads a checkpoint or a state dict
graph.py      the network that is exported
model.py      its ONNX model
writer.py     collects the nodes of a graph
layers.py     the nodes of known layers, and the same layers in double precision
double.py     a policy in double precision, to compare with
gate.py       refuses a model that does not agree with its PyTorch network
card.py       the model card
exporting.py  from a checkpoint to policy file, card and animation
precision/    from a policy file to one in float16 or int8
triton.py     the configuration of a policy file for Triton
multi_discrete.py  the network for MultiDiscrete actions
peers/        other libraries' zips and state dicts
c_header/     from a policy file to one C header, without PyTorch
twins/        a policy's network in PyTorch and in compiled C, to measure beside ONNX Runtime

Names are imported on first use, so that a C header is written where PyTorch is not installed.
"""

from typing import TYPE_CHECKING

from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_export.exporting import Exported, convert, export
    from lander_export.graph import as_function
    from lander_export.peers import PeerOptions, peer_file
    from lander_export.source import Source, load_source

__all__ = [
    "Exported",
    "PeerOptions",
    "Source",
    "as_function",
    "convert",
    "export",
    "load_source",
    "peer_file",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_export.exporting": ("Exported", "convert", "export"),
        "lander_export.graph": ("as_function",),
        "lander_export.peers": ("PeerOptions", "peer_file"),
        "lander_export.source": ("Source", "load_source"),
    },
)
