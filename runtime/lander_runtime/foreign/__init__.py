"""Other people's ONNX files, matched to an environment.

foreign.py           `ForeignPolicy`: such a file, ready to act
matching.py          finds out by trial runs how a graph fits an environment
signature.py         which input takes the observation, which output is the action: rules without files
external_weights.py  weights that are stored in a second file
pruning.py           removes from a graph what leads to no number
"""
