"""Other libraries' checkpoints: zips of Stable-Baselines3 and PyTorch state dicts.

Nothing in such a file is ever executed: weights are read as tensors only, of pickles at most the opcodes.

    finding          which file of a folder is meant
    stable_baselines a zip of Stable-Baselines3 -> the policy; sb3_data: what its JSON says in plain text
    state_dicts      a PyTorch state dict -> the policy; layouts: the names that libraries give their layers
    normalizers      statistics of observations; vecnormalize, pickle_opcodes: read from a pickle
    networks         the modules that the policies are put together from
    tensors, zip_reading   bounded reading of torch files and zips
    peer             what all readers return, and the options that they share
"""

from lander_export.peers.finding import peer_file
from lander_export.peers.peer import PeerOptions, PeerPolicy
from lander_export.peers.stable_baselines import read_stable_baselines
from lander_export.peers.state_dicts import read_state_dict

__all__ = ["PeerOptions", "PeerPolicy", "peer_file", "read_stable_baselines", "read_state_dict"]
