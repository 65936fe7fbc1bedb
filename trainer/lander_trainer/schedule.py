"""The learning rate over a run: a pure function."""

from lander_trainer.config import TrainConfig


def learning_rate(config: TrainConfig, done: float, updates: int) -> float:
    """The rate of the first epoch of an update; later epochs multiply it by `config.epoch_decay` each.

    Args:
        config: the schedule.
        done: share of the run that lies behind, from 0 to 1.
        updates: number of updates that lie behind.
    """
    if config.anneal == "linear":
        return config.learning_rate * max(0.0, 1.0 - done)
    if config.anneal == "exponential":
        return config.learning_rate * config.anneal_rate**updates
    return config.learning_rate
