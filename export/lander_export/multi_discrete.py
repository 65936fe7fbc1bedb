"""The network that is exported for MultiDiscrete actions: a block of logits for each dimension.

Apart from `graph.py` because only files of schema 1.1 have it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lander_export.graph import DiscretePolicyGraph


class MultiDiscretePolicyGraph(DiscretePolicyGraph):
    """Observations in raw units -> greedy actions and logits.

    obs [batch, *obs_shape]  ->  action int64 [batch, k], logits float32 [batch, n_1 + ... + n_k], one block
    after another
    """

    def __init__(self, actor: nn.Module, blocks: Sequence[int]) -> None:
        super().__init__(actor)
        self.blocks = tuple(blocks)
        """n_1 to n_k."""

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.actor(obs.float())
        # As in `DiscretePolicyGraph`, block by block.
        largest = [torch.topk(block, 1, dim=-1).indices for block in logits.split(self.blocks, dim=-1)]
        return torch.cat(largest, dim=-1), logits


def blocks_of(graph: DiscretePolicyGraph, width: int) -> tuple[int, ...]:
    """The widths of the blocks of its `width` logits; a single choice has one block."""
    return graph.blocks if isinstance(graph, MultiDiscretePolicyGraph) else (width,)
