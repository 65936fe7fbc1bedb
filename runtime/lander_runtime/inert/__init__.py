"""Strangers' zips, arrays and pickles, read as data.

Nothing in them is run, and nothing is read without a bound.

zip_reading.py     the members of a zip, each with a limit
npz.py             the arrays in an .npz file
pickle_opcodes.py  a pickle's opcodes, of which only those for plain data are accepted
vecnormalize.py    the statistics in Stable-Baselines3's VecNormalize pickle
normalizer.py      a file of statistics -> the normalisation of observations
"""
