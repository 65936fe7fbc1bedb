"""What the functions return: data with a display of one screen, as text and in a notebook.

report.py      the scores of one policy
comparison.py  several policies on the same seeds
verdicts.py    the words and tables of a comparison, for its `repr` and for the command
replay.py      recorded episodes that were run again
names.py       short names of files, each different from the others
"""
