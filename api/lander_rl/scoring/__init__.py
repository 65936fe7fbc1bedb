"""Scores and what they say beside each other.

request.py     the arguments of both, checked
evaluating.py  `evaluate`: a score over N episodes
comparing.py   `compare`: several policies on the same seeds
compared.py    what is compared: policies, and reports in their place
merging.py     `merge`: the reports of parts become one
"""
