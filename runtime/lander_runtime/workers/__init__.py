"""Objects in threads or processes of their own.

remote.py                 an object in another process, called over pipes
thread.py                 an object in a thread of this process
ray_cluster.py            a Ray cluster, and an object that lives on it
signals.py                signals that end a program, and calls that they must not interrupt
cores.py                  the number of processor cores, and pinning a process to one
environment_variables.py  variables for the processes that a block starts
"""
