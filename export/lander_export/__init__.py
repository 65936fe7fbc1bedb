"""Turn a checkpoint into one verified, self-describing ONNX policy file.

from lander_export import export, load_source
export(load_source(Path("best.safetensors")), Path("policy.onnx"))
"""

from lander_export.export import Exported, export
from lander_export.peers import PeerOptions, peer_file
from lander_export.source import Source, load_source

__all__ = ["Exported", "PeerOptions", "Source", "export", "load_source", "peer_file"]
