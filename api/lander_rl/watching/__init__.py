"""Single episodes to look at.

recording.py  `record`: one episode as a GIF or MP4
replaying.py  `replay`: verifies recorded episodes without the policy
playing.py    `play`: a policy lands in the browser
"""
