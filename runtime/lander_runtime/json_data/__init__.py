"""Plain data as JSON has it.

fields.py  typed reads from untrusted JSON
digest.py  a digest that anyone can compute again
"""
