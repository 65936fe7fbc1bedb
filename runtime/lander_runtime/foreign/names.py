"""The words of inputs' and outputs' names, and what they tell."""

import re

OBSERVATION = {"obs", "observation", "observations", "input", "x"}
ACTION = {"action", "actions", "act"}
MEAN = {"mean", "means", "mu", "loc"}
DEVIATION = {
    "std", "stds", "logstd", "logstds", "stddev", "stdev", "sigma", "sigmas", "logsigma", "scale", "logscale",
    "var", "vars", "variance", "variances", "logvar", "deviation", "covariance", "cov",
}  # fmt: skip
SCORES = (
    {"logits", "logit"},
    {"prob", "probs", "probabilities"},
    {"q", "qvalues", "scores", "policy", "pi"},
)
NO_ACTION = DEVIATION | {"value", "values", "prob", "probs", "logprob", "logprobs", "entropy"}
OF_A_CRITIC = {
    "critic", "critics", "vf", "qf", "qvalue", "qvalues", "baseline", "advantage", "advantages", "reward",
    "rewards", "return", "returns", "cost", "costs", "loss", "kl", "uncertainty", "td", "discount", "done",
    "dones", "termination",
}  # fmt: skip
"""What is no action either, unless it has a word of an actor's too: `actor_critic/action`."""
OF_AN_ACTOR = ACTION | {"actor", "policy", "pi", "control"}
NO_SCORES = DEVIATION | {
    "mask", "masks", "entropy", "obs", "observation", "feature", "features", "embedding", "latent", "cost",
    "costs", "loss", "losses", "distance", "distances", "energy", "regret", "regrets", "penalty",
    "risk", "risks",
}  # fmt: skip
"""Of these the largest is nothing to act by; of a cost it would be the worst."""


def words_of(name: str) -> set[str]:
    """The words of a name: `log_prob` and `logProb` both have log and prob."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
