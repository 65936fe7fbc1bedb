"""Pictures of episodes.

record.py    one episode as a GIF or MP4, and the loop that draws an episode
targets.py   files and windows as one thing to draw into
gif.py       a GIF written frame by frame
video.py     an MP4 written frame by frame
window.py    a window on the screen
captions.py  text on a frame
scaling.py   frames at another size
"""
