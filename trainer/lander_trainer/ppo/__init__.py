"""The algorithm: pure functions of arrays, and the rollout that feeds them.

advantages.py     generalised advantage estimation
losses.py         the clipped objective and the value loss, in PyTorch
gradients.py      the same differentiated by hand, in NumPy
distributions.py  categorical and Gaussian actions
rollout.py        experience collected from environments
batch.py          a rollout's rows in the order of their visits
normaliser.py     running statistics of observations and returns
schedule.py       the learning rate, and when a selection is due
"""
