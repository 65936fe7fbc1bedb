"""Figures in words, the same in every command and in every result that shows itself."""

from typing import TYPE_CHECKING

from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_runtime.policy.metadata import Verification
    from lander_runtime.scores.summary import Summary


def score_in_words(summary: "Summary | None") -> str:
    """Such as `281.2 ± 18.1 (95% interval 277.6 to 284.7) over 100 episodes from seed 1000000`."""
    if summary is None:
        return "not evaluated"
    interval = (
        "" if summary.ci95 is None else f" (95% interval {summary.ci95[0]:.1f} to {summary.ci95[1]:.1f})"
    )
    return (
        f"{summary.mean_return:.1f} ± {summary.std_return:.1f}{interval} "
        f"over {counted(summary.episodes, 'episode')} from seed {summary.first_seed}"
    )


def verification_in_words(check: "Verification", outputs: str = "logits") -> str:
    """Such as `4,542 observations, logits within 6.8e-07, 100.00% of actions equal (0 ties)`."""
    return (
        f"{counted(check.observations, 'observation')}, {outputs} within {check.max_difference:.1e}, "
        f"{check.action_agreement:.2%} of actions equal ({counted(check.ties, 'tie')})"
    )
