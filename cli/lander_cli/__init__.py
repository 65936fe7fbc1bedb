"""The `lander` command. It turns options into requests of `lander_rl`, and results into text.

start.py     where it starts
main.py      the commands, and the place where every error becomes a message and an exit code
failures.py  which sentence and exit code an error gets
commands/    a file for each command
arguments/   the options, and how their values are read
outputs/     results as text
terminal/    streams, progress bars, Ctrl-C
"""
