"""Reading other libraries' files as data. Nothing in them is executed, and nothing is read without a bound.

zip_reading.py     the members of a zip, each with a limit
tensors.py         PyTorch files that hold tensors only
pickle_opcodes.py  a pickle's opcodes, of which only those for plain data are accepted
vecnormalize.py    the statistics in Stable-Baselines3's VecNormalize pickle
"""
