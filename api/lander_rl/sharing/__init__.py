"""Policies on the Hugging Face Hub.

pushing.py   `push`: a policy with its card, picture and settings
pulling.py   `pull`: another person's policy, checked; also a zip of Stable-Baselines3
taking.py    which files of a repository are taken
card.py      the header of a card, and the list of what was pushed
checking.py  the claimed score, measured again on its own seeds
hub.py       the few calls of huggingface_hub that are needed, and its errors as ours
"""
