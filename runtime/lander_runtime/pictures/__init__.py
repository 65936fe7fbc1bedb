"""What people see of an episode.

record.py    one episode as a GIF
gif.py       a GIF written frame by frame
video.py     an MP4 written frame by frame
window.py    a window on the screen
captions.py  text on a frame
scaling.py   frames at another size
"""
