"""Running episodes, by any function from observations to actions.

episode.py  one episode as data
lane.py     one environment copy and the episode that runs in it
fleet.py    several lanes at once: the loop under every score and selection
moments.py  one episode step by step, for pictures and for replays
actors.py   a policy file as a function that a fleet can use
"""
