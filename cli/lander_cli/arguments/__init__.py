"""The options of the commands, and how typed text becomes values.

options.py           options that commands share, and those of scoring, comparing and replaying
training_options.py  options of train, export and plot
train_request.py     the options of train as a request
env_args.py          --env-arg NAME=VALUE
completion.py        what the shell offers after the Tab key
numbers.py           numbers such as 1e3, durations such as 1h30m
"""
