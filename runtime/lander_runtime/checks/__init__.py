"""Checks that an owner of a policy asks for: of a file, and of this machine.

verify.py     a policy file's claims, one after the other
outcome.py    a check and how it ended
runtimes.py   the same file in other runtimes, each in a process of its own
children.py   what runs in those processes
doctor.py     what is installed on this machine, and whether it works
installed.py  what is installed, without importing it
timing.py     times of calls, taken in turns
trials.py     tries one thing, in a process of its own
"""
