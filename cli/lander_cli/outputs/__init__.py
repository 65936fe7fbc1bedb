"""Results as text on stdout.

scores.py          an evaluation
comparison.py      a comparison
replay_results.py  a replay
"""
