"""What can be seen in a stranger's graph without knowing what it is for.

pruning.py    what leads where, and the part that chosen outputs need
ending.py     the interval that the last operators keep an output within
intervals.py  interval arithmetic for one operator at a time
memory.py     states, in and out, and cells whose state is missing
"""
