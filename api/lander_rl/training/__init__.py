"""Training as a function.

training.py    `train` and `resume`
runs.py        `Run`: the folder of a run and its results
session.py     carries out a request: plan, trackers, display, training
planning.py    turns a request into final settings (no `auto` left) and a folder
request.py     the requests: a new run, or a run to be resumed
durations.py   the time of a training as people write it, such as 2m
stopping.py    Ctrl-C ends the run after the current update
progress.py    displays the progress: a panel, plain lines, or what a notebook shows
notebook.py    the display in a notebook: one figure, updated in place
live_curve.py  that figure
overrun.py     says where a time limit will be exceeded
words.py       the progress in words
"""
