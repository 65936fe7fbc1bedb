"""Figures in words, the same in every command; the library has them too."""

from lander_rl.figures import score_in_words, verification_in_words

__all__ = ["score_in_words", "verification_in_words"]
