"""When a run saves: at once, and then so that saving takes at most 2% of the time."""

from lander_trainer.runs.pace import SavePace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_save_is_due_at_once() -> None:
    assert SavePace(30.0, Clock()).is_due


def test_a_save_waits_until_the_last_one_was_two_percent() -> None:
    clock = Clock()
    pace = SavePace(30.0, clock)
    with pace.saving():
        clock.now += 0.5
    # 0.5 s are 2% of 25 s, of which the save was the first half second.
    clock.now = 100.5 + 24.4
    assert not pace.is_due
    clock.now = 100.5 + 24.6
    assert pace.is_due


def test_a_slow_save_waits_no_longer_than_the_setting() -> None:
    clock = Clock()
    pace = SavePace(30.0, clock)
    with pace.saving():
        clock.now += 10.0
    clock.now += 29.0
    assert not pace.is_due
    clock.now += 1.5
    assert pace.is_due
