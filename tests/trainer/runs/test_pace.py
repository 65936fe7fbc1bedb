"""When a run saves: at once, and then so that saving takes at most half a percent of the time."""

from lander_trainer.runs.pace import SavePace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_save_is_due_at_once() -> None:
    assert SavePace(30.0, Clock()).is_due


def test_a_save_waits_until_the_last_one_was_half_a_percent() -> None:
    clock = Clock()
    pace = SavePace(30.0, clock)
    with pace.saving():
        clock.now += 0.125
    # 0.125 s are half a percent of 25 s, of which the save was the first eighth of a second.
    clock.now = 100.125 + 24.8
    assert not pace.is_due
    clock.now = 100.125 + 24.9
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
