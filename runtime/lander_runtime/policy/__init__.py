"""A policy file, from bytes to actions.

base.py       the base class of policies from any file, also one from another library
policy.py     `Policy`, a file written by `lander export`: the class that applications embed
content.py    the bytes of a file
metadata.py   what the file says about itself
session.py    ONNX Runtime on the requested device
cuda_graph.py  a batch as one captured CUDA graph
too_new.py    what to say where a file is newer than ONNX Runtime
contract.py   checks inputs and outputs against the metadata
casting.py    lists and other number types as the graph takes them
display.py    a policy in one screen, as text and for a notebook
agreement.py  when two runs of one network count as the same
sampling.py   drawing actions from logits, or from a mean and a deviation
"""
