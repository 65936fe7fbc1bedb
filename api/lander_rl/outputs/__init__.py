"""Files beside a result: of an evaluation, and of a replay.

checks.py      refuses file names that cannot be written, before any episode runs
recordings.py  GIF and MP4: episodes are run again and compared with the report
replay.py      the replay file, written while episodes run
page.py        the report page
drawings.py    the episodes of a replay, drawn into files and a window
"""
