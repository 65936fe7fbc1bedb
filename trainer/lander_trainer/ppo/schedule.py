"""What a run does when: pure functions of the share of it that is done."""

from lander_trainer.config import TrainConfig


def learning_rate(config: TrainConfig, done: float, updates: int) -> float:
    """The rate of the first epoch of an update; `epoch_rates` has those of the others.

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


def epoch_rates(config: TrainConfig, learning_rate: float) -> list[float]:
    """The rate of every epoch of an update whose first one has `learning_rate`."""
    return [learning_rate * config.epoch_decay**epoch for epoch in range(config.epochs)]


def selection_is_due(before: float, after: float, selections: int) -> bool:
    """Whether an update passed one of `selections` evenly spaced points, the last of them the end.

    Args:
        before: share of the run that lay behind when the update began.
        after: share that lies behind now.
        selections: at least 1.
    """
    # 29 updates of 100 are a share of 0.29, and a hundred times that is 28.999999999999996.
    return int(after * selections + 1e-9) > int(before * selections + 1e-9)
