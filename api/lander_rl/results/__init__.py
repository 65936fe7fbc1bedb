"""What the functions return: data that shows itself in one screen, as text and in a notebook.

report.py      the scores of one policy
comparison.py  several policies on the same seeds
verdicts.py    a comparison in words and in tables, for its `repr` and for the command
replay.py      what became of recorded episodes
names.py       what to call files: as little of each path as tells them apart
"""
