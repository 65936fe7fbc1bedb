"""Objects in processes of their own.

remote.py  an object in another process, called over pipes
cores.py   the number of processor cores, and pinning a process to one
"""
