"""The commands that share policies on the Hugging Face Hub.

push.py  `lander push`
pull.py  `lander pull`
"""
