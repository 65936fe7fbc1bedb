"""The terminal.

console.py     stdout and stderr: results, messages, progress bars, the next command
results.py     stdout for results alone
talk.py        the observer that prints the messages of long work
interrupts.py  Ctrl-C and SIGTERM
stuck.py       the same while ONNX Runtime computes
watching.py    episodes of the policy that learns, drawn in colours
cell.py        a notebook's cell, which is no terminal although it looks like one
"""
