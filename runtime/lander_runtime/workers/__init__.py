"""Objects in processes of their own.

remote.py  an object in another process, spoken to over its pipes
cores.py   how many processor cores there are, and keeping a process on one of them
"""
