"""Medians and the table of the evaluation benchmark, on rounds with numbers that can be checked by eye."""

from typing import Any

import numpy as np
import pytest

from eval_speed import medians, table, weights_for_sb3
from lander_runtime.shipped import shipped_policies


def run(speed: float, cpu_us: float = 10.0) -> dict[str, Any]:
    """A run of 1,000 steps."""
    seconds = 1000 / speed
    return {"steps": 1000, "seconds": seconds, "cpu_seconds": cpu_us / 1e3, "steps_per_second": speed}


def rounds() -> list[dict[str, Any]]:
    """The machine is half as fast in the second round and twice as fast in the third."""
    return [
        {
            "bare-all": run(200 * drift, 8.0 / drift),
            "lander-all": run(180 * drift + extra, 10.0 / drift),
            "bare-1": run(100 * drift),
            "lander-1": run(80 * drift),
            "sb3-1": run(10 * drift),
            "sb3-vec": run(20 * drift),
        }
        for drift, extra in [(1.0, 0.0), (0.5, 0.0), (2.0, 20.0)]
    ]


def test_ratios_are_taken_within_a_round() -> None:
    found = medians(rounds())
    assert found["lander-all"]["steps_per_second"] == 180
    assert found["lander-all"]["range"] == [90, 380]
    assert found["lander-all"]["of_bare"] == pytest.approx(0.9)
    assert found["lander-all"]["of_bare_cpu"] == pytest.approx(0.8)
    assert found["lander-all"]["times_sb3"] == pytest.approx(9.0)
    assert found["lander-1"]["of_bare"] == pytest.approx(0.8)
    assert found["sb3-vec"]["times_sb3"] == 1.0
    assert found["sb3-1"]["times_sb3"] == 0.5


def test_the_table_has_a_row_for_each() -> None:
    results = {
        "env": "LunarLander-v3",
        "machine": {"cpu": "Some CPU", "cores": 2},
        "date": "2026-01-02T03:04:05+00:00",
        "command": "python benchmarks/eval_speed.py",
        "rounds": rounds(),
    }
    heading, _, _, _, *rows = table(results).splitlines()
    assert heading.startswith("LunarLander-v3, Some CPU, 2 cores, 2026-01-02. Medians of 3 rounds")
    assert rows[1] == "| lander-all | 1,000 | 180 (90 to 380) | 90.0% | 9.00x | 10.0 us | 80.0% |"
    assert len(rows) == 6


def test_the_peers_network_has_the_weights_of_the_policy() -> None:
    """Every layer of the actor once, the last of them as the head of the peer's policy."""
    weights = weights_for_sb3(shipped_policies()["lunarlander-v3"])
    layers = sorted(name for name in weights if name.endswith(".weight"))
    assert layers == [
        "action_net.weight",
        "mlp_extractor.policy_net.0.weight",
        "mlp_extractor.policy_net.2.weight",
    ]
    assert np.shape(weights["action_net.weight"]) == (4, 64)
