"""Tables of what is available. None of it loads PyTorch.

settings.py      `settings`: every setting of a training
environments.py  `environments`: presets, and the scores of policies trained with them
models.py        `models`: the policies that ship
"""
