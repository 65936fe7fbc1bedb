"""One file for each command: its options, and what it prints. `training/` has those that train."""
