"""Pictures of episodes.

record.py    one episode as a GIF, and the loop that draws an episode
gif.py       a GIF written frame by frame
video.py     an MP4 written frame by frame
window.py    a window on the screen
captions.py  text on a frame
scaling.py   frames at another size
"""
