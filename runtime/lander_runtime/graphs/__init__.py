"""ONNX files as plain data. What runs is what was read.

A stranger's bytes pass through these files in this order, and ONNX Runtime gets bytes that are written anew.

protobuf.py     the wire format, read strictly, and written
schema.py       the fields that a policy may hold, those that are dropped, those that are refused
messages.py     one message by its schema: fields kept, left out or refused
reading.py      from bytes to a model
tensor_data.py  the numbers of a tensor, from each form in which ONNX stores them
model.py        the model as plain data, and its bytes
numbers.py      its tensors as NumPy arrays, and the digest over them
structure.py    the operators that a policy may use
bounds/         what a graph would take, and settings that would end the process
"""
