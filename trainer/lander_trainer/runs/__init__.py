"""A run on disk.

run_directory.py  its folder
checkpoint.py     everything that is needed to continue or to export it
metrics.py        the metrics of an update
pace.py           how often a run saves its checkpoint
run_history.py    reading the metrics of a run again
"""
