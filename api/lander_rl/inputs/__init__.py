"""What a function works on, from what the caller names.

finding.py       finds the policy that is meant
outdated.py      whether its run was trained further since
opening.py       opens it for an environment
file_options.py  what the user says of a file that does not say it itself
filenames.py     names of files as callers give them
numbers.py       checks of the numbers of an evaluation
time_limits.py   the time limit that a user sets, and a word where there is none
env_options.py   the environment as options of a command to be pasted
networks.py      networks of the user's own
importing.py     imports modules that register environments, named by the user
old_versions.py  a warning for an environment that has a newer version
"""
