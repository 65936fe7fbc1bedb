"""The learning rate and the times of selections: pure functions of the share of a run that is done."""

from lander_trainer.config import TrainConfig


def learning_rate(config: TrainConfig, done: float, updates: int) -> float:
    """The learning rate of the first epoch of an update; `epoch_rates` has those of the others.

    Args:
        config: the schedule.
        done: share of the run that is done, in [0, 1].
        updates: number of updates that are done.
    """
    if config.anneal == "linear":
        return config.learning_rate * max(0.0, 1.0 - done)
    if config.anneal == "exponential":
        return config.learning_rate * config.anneal_rate**updates
    return config.learning_rate


def epoch_rates(config: TrainConfig, learning_rate: float) -> list[float]:
    """The learning rate of each epoch of an update, the first of which has `learning_rate`."""
    return [learning_rate * config.epoch_decay**epoch for epoch in range(config.epochs)]


def selection_is_due(before: float, after: float, selections: int) -> bool:
    """Whether an update passed one of `selections` evenly spaced points of the run, the last of them its end.

    Args:
        before: share of the run that was done when the update began.
        after: share that is done now.
        selections: at least 1.
    """
    # 29 updates of 100 are a share of 0.29, and a hundred times that is 28.999999999999996.
    return int(after * selections + 1e-9) > int(before * selections + 1e-9)
