"""The commands that train, and what shows how trainings went.

train.py  `lander train`
seeds.py  the same with `--seeds N`
sweep.py  `lander sweep`
plot.py   `lander plot`
demo.py   `lander demo`
"""
