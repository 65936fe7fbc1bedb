"""What there is, as tables that show themselves. None of it loads PyTorch.

settings.py      `settings`: every setting of a training
environments.py  `environments`: presets, and what policies trained with them score
models.py        `models`: the policies that ship
"""
