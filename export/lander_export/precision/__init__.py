"""A policy file with smaller numbers: weights and products in float16 or in 8-bit integers.

half.py         the graph in float16 between its first and its last product
eight_bits.py   the graph quantised by ONNX Runtime's own tool, ranges from episodes
episodes.py     observations of the policy's own episodes
reducing.py     from a policy file to one that agrees with it and scores as well; else nothing
"""
