"""Actor and critic in PyTorch.

actor_critic.py  both networks
custom.py        networks of the user's own
encoder.py       convolutions for images
layers.py        multilayer perceptrons and their initial weights
build.py         makes the network for a configuration and two spaces
"""
