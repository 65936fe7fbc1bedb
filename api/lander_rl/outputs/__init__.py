"""What is written beside a result: by an evaluation, and by a replay.

checks.py    refused before any episode runs: what could not be written after it
gifs.py      episodes recorded once more, and compared with what was reported
replay.py    the replay file, written while the episodes come
page.py      the page with pictures
drawings.py  the episodes of a replay, in files and in a window
"""
