"""Results as text on stdout.

scores.py          an evaluation
comparison.py      a comparison
partial.py         what Ctrl-C leaves of either
replay_results.py  a replay
waiting.py         the next command, where the newest run waits for its export
"""
