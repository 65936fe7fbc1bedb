"""One file for each command: its options, and what it prints.

training/  the commands that train
sharing/   the Hugging Face Hub
"""
