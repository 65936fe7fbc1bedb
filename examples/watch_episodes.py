"""Watch an evaluation from a program of your own: count outcomes, and write a log while episodes run.

python examples/watch_episodes.py [EPISODES]

An observer is any object with `on_episode`, which is called for every episode in the order of their seeds,
with any number of processes. A subclass of `EvaluationObserver` is also called at each stage: override what
you need.
"""

import logging
import sys
from collections import Counter

import lander_rl


class OutcomeCounter:
    """Counts how episodes ended."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def on_episode(self, episode: lander_rl.Episode) -> None:
        """Called once for each episode, with its seed, return, length and outcome."""
        self.counts[episode.outcome] += 1


class LoggedEvaluation(lander_rl.EvaluationObserver):
    """Writes to Python's own log: what was opened, each low return, and that the scores are there."""

    def __init__(self, logger: logging.Logger, low: float) -> None:
        self.logger = logger
        self.low = low

    def on_note(self, sentence: str) -> None:
        """Such as which policy was taken."""
        self.logger.info(sentence)

    def on_episode(self, episode: lander_rl.Episode) -> None:
        """One line for an episode that is worth a look."""
        if episode.return_ < self.low:
            self.logger.warning("seed %d: %s, %.1f", episode.seed, episode.outcome, episode.return_)

    def on_report(self, report: lander_rl.Report) -> None:
        """All episodes have ended."""
        self.logger.info("mean return %.1f", report.summary.mean_return)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    lander_rl.evaluate(
        episodes=episodes, observer=LoggedEvaluation(logging.getLogger("evaluation"), low=200.0)
    )
    counter = OutcomeCounter()
    lander_rl.evaluate(episodes=episodes, observer=counter)
    for outcome, count in counter.counts.most_common():
        print(f"{count} {outcome}")
