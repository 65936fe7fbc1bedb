"""Training, as a function.

training.py  `train` and `resume`
runs.py      `Run`: what a training leaves behind
session.py   from a request to a run that has ended
planning.py  what a request means here: settings without `auto`, a folder
request.py   what can be asked for
stopping.py  Ctrl-C as a polite request
progress.py  how far it is: a panel, plain lines, or one line of a notebook
"""
