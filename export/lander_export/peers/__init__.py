"""Other libraries' checkpoints: zips of Stable-Baselines3 and PyTorch state dicts.

Nothing in such a file is ever executed: weights are read as tensors only, of pickles at most the opcodes.

finding.py           which file of a folder is meant
stable_baselines.py  a zip of Stable-Baselines3 -> the policy
sb3_data.py          what the JSON in such a zip says in plain text
state_dicts.py       a PyTorch state dict -> the policy
containers.py        what is in a PyTorch file beside its network
layouts.py           the names that libraries give their layers
acting.py            from a network's outputs to actions
normalizers.py       statistics of observations
neighbours.py        networks beside the actor that may stand in front of it or behind it
networks.py          the modules that the policies are made of
peer.py              what all readers return, and the options that they share
tensors.py           PyTorch files that hold tensors only
"""

from lander_export.peers.finding import peer_file
from lander_export.peers.peer import PeerOptions, PeerPolicy
from lander_export.peers.stable_baselines import read_stable_baselines
from lander_export.peers.state_dicts import read_state_dict

__all__ = ["PeerOptions", "PeerPolicy", "peer_file", "read_stable_baselines", "read_state_dict"]
