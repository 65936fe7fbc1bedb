"""What an owner of a policy asks about it and about the machine.

verifying.py   `verify`: checks what a policy file claims
benching.py    `bench`: how fast it acts in each runtime, and whether in the same way
diagnosing.py  `doctor`: what is installed here, and whether it works
"""
