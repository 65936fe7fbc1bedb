"""A policy as a file that others can use.

source.py    what is exported: a checkpoint, found and read
export.py    `export`: a checkpoint becomes a verified policy file
reducing.py  `export_reduced`: the same policy in smaller numbers
c_header.py  `export_c`: a policy becomes one C header
triton.py    `export_triton`: a policy becomes a model of Triton
"""
