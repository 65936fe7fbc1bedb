"""Scores and what they say beside each other.

evaluating.py  `evaluate`: a score over N episodes
comparing.py   `compare`: several policies on the same seeds
merging.py     `merge`: the reports of parts become one
"""
