"""Pictures of a run's progress.

curve.py  the learning curve of one run
plot.py   several runs in one picture
bands.py  mean and interval over several runs
limits.py the part of the axes that is drawn
search.py a search for settings: its history, and what each setting matters
speed.py  speed over batch size, a line for each runtime
style.py  size, colours and axes of all pictures, and saving them
"""
