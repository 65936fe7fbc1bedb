"""Python's search for cyclic garbage, for processes that do nothing but step environments."""

import gc


def collect_seldom() -> None:
    """Let what was imported and opened out of the search, and search a tenth as often.

    The search takes a tenth of such a process's time (LunarLander, one core), because stepping makes
    thousands of short-lived objects. An environment's worlds may wait for it: some 10 MB of them. For
    processes of our own, not for an application that calls us.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
