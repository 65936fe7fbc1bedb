"""The commands that train, and what shows how trainings went.

train.py  `lander train`
sweep.py  `lander sweep`
plot.py   `lander plot`
demo.py   `lander demo`
"""
