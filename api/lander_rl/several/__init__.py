"""Several trainings beside each other: on the cores of this machine, or on a Ray cluster.

seeds.py            `train_seeds`: one setting with several seeds, and the best of the runs exported
going_on.py         runs that are there already
scheduler.py        hands out their trainings
results.py          `SeedRuns`: what such a training returns
pool.py             the workers, and the loop that keeps them busy
training_worker.py  one training inside a worker
display.py          displays the progress of all of them
"""
