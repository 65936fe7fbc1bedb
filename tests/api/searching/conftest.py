"""The file of a small search."""

from pathlib import Path

import pytest

SPACE = """
env = "CartPole-v1"
steps = 64
backend = "gymnasium"
device = "cpu"

[settings]
lanes = 4
rollout_steps = 16
minibatches = 2
selection_episodes = 2
selections = 1

[space]
learning_rate = { low = 1e-3, high = 6e-3, log = true }
epochs = { low = 1, high = 3 }
hidden_sizes = [[8], [8, 8]]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    return path
