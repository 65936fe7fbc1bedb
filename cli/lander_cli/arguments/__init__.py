"""From words that were typed to values."""
