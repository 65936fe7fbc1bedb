"""The search for settings with Optuna.

sweeping.py   `sweep`: trials, side by side, and what they say
space.py      what is searched: a file of settings and their ranges, or the same in Python
study.py      the study on disk, and its trials that were cut short
sameness.py   what has to stay the same in a study that continues
sampler.py    draws the settings of a trial
trials.py     hands out trials to workers, prunes them and stores their results
objectives.py what a trial is worth
outcome.py    from the study to the result, pictures and the preset
results.py    `Sweep`: the best trials, a preset, importance and pictures
"""
