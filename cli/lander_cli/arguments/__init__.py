"""The options of the commands, and how typed text becomes values.

options.py           options that commands share, and those of eval, compare and merge
training_options.py  options of train, export and plot
sweep_options.py     options of sweep
sharing_options.py   options of push and pull
checking_options.py  options of verify and replay
serving_options.py   options of serve
train_request.py     the options of train as a request
flags.py             options without a value, in --help
env_args.py          --env-arg NAME=VALUE
completion.py        what the shell offers after the Tab key
numbers.py           numbers such as 1e3, durations such as 1h30m
"""
