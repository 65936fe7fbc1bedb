"""Running episodes with any function from observations to actions.

episode.py  one episode as data
lane.py     one environment copy and the episode that runs in it
history.py  the observations of running episodes
fleet.py    several lanes at once: the loop of every evaluation and selection
moments.py  one episode step by step, for pictures and replays
actors.py   turns a policy file or function into an actor for a fleet
"""
