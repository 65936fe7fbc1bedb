"""The algorithm: pure functions of arrays, and the collection of rollouts.

advantages.py     generalised advantage estimation
losses.py         the clipped objective and the value loss, in PyTorch
gradients.py      their derivatives by hand, in NumPy
distributions.py  categorical and Gaussian actions
rollout.py        collects rollouts from environments
batch.py          a rollout's rows with their advantages, cut into minibatches
normaliser.py     running statistics of observations and returns
schedule.py       the learning rate, and when a selection is due
"""
