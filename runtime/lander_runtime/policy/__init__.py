"""A policy file, from bytes to actions.

base.py       what every policy file can do, also one from another library
policy.py     `Policy`, a file written by `lander export`: the class that applications embed
metadata.py   what the file says about itself
session.py    ONNX Runtime on the device that was asked for
contract.py   do inputs and outputs fit the metadata?
sampling.py   drawing actions from logits, or from a mean and a deviation

What runs is what was read: a stranger's bytes go through these in this order, and ONNX Runtime gets new ones.

protobuf.py   the wire format, read strictly and written
schema.py     the fields that a policy may hold, those that are left out, those that are refused
reading.py    bytes -> a model
tensor_data.py  the numbers of a tensor, from each of the forms in which ONNX has them
graph.py      the model as plain data, and its bytes
structure.py  the operators that a policy may use
"""
