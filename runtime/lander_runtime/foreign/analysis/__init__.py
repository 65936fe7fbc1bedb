"""What can be seen in a stranger's graph without knowing what it is for.

pruning.py    what leads where, and the part that chosen outputs need
ending.py     the interval that the last operators keep an output within
intervals.py  interval arithmetic for one operator at a time
moves.py      the same for operators that only move numbers
patterns.py   squashing that is written out in several operators
affine.py     the same for what mixes numbers, and yet only scales them
memory.py     states, in and out, and cells whose state is missing
"""
