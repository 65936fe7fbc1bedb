"""Trial runs of a stranger's graph: what it gives, and what a score would be silently wrong by.

trials.py    trial observations, and whether rows and steps keep to themselves
probe.py     values from inside a graph
fitting.py   one way to feed it: which output is the action
judging.py   memory, units and constants: questions that refuse a file until they are answered
"""
