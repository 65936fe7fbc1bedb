"""A policy as one C99 header: weights, forward pass, greedy action, golden vectors, self-test.

    material = material_of(policy, model)
    header = write_header(material, "policy")

material.py   the network of a policy file, and what goes with it
foreign.py    the same of a file of another library
reading.py    from a graph to the steps of a network; what is no multilayer perceptron is refused
constants.py  the constants of a graph
network.py    the steps, and their outputs in double precision
golden.py     compares the steps with ONNX Runtime; the golden vectors
functions.py  the steps as C
snippets.py   the functions that every header has
text.py       numbers, and a stranger's words, as C text
header.py     puts it together

Needs no PyTorch: a policy file is enough.
"""

from lander_export.c_header.header import Header, write_header
from lander_export.c_header.material import Material, material_of
from lander_export.c_header.text import is_name

__all__ = ["Header", "Material", "is_name", "material_of", "write_header"]
