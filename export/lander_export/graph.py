"""The network that goes into the file: the actor with everything around it that the schema asks for."""

import torch
from torch import Tensor, nn


class DiscretePolicyGraph(nn.Module):
    """Observations in raw units -> greedy action and logits.

    obs [batch, *obs_shape]  ->  action int64 [batch], logits float32 [batch, n]
    """

    def __init__(self, actor: nn.Module) -> None:
        super().__init__()
        self.actor = actor

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.actor(obs.float())
        # Not argmax: ONNX Runtime's CUDA provider has ArgMax up to opset 11 only, TopK for all, and
        # one operator without a CUDA kernel would keep the whole file off the GPU. Both take the
        # lowest index among equals in ONNX Runtime.
        action = torch.topk(logits, 1, dim=-1).indices.squeeze(-1)
        return action, logits
