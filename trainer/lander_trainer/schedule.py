"""The learning rate over a run: a pure function."""

from lander_trainer.config import TrainConfig


def learning_rate(config: TrainConfig, update: int, epoch: int = 0) -> float:
    """The rate in `epoch` (from 0) of `update` (from 0, of `config.updates`)."""
    rate = config.learning_rate
    if config.anneal == "linear":
        rate *= max(0.0, 1.0 - update / config.updates)
    elif config.anneal == "exponential":
        rate *= config.anneal_rate**update
    return rate * config.epoch_decay**epoch
