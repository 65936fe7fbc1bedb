"""Turn a checkpoint into one verified, self-describing ONNX policy file.

    from lander_export import export, load_source
    export(load_source(Path("best.safetensors")), Path("policy.onnx"))

source.py  reads a checkpoint or a state dict
graph.py   the network that is exported
model.py   its ONNX model
gate.py    refuses a model that does not agree with its PyTorch network
card.py    the model card
export.py  from a checkpoint to policy file, card and animation
"""

from lander_export.export import Exported, export
from lander_export.source import Source, load_source

__all__ = ["Exported", "Source", "export", "load_source"]
