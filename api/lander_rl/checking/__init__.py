"""What an owner of a policy asks about it and about the machine.

verifying.py   `verify`: checks what a policy file claims
diagnosing.py  `doctor`: what is installed here, and whether it works
"""
