"""Results as text on stdout.

scores.py          an evaluation
comparison.py      a comparison
partial.py         what Ctrl-C leaves of either
replay_results.py  a replay
"""
