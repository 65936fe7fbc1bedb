"""A policy file as a model of MLServer, for benchmarks/serve_speed.py; runs in an environment of its own."""

from typing import Any

import onnxruntime
from mlserver import MLModel  # pyright: ignore[reportMissingImports]
from mlserver.codecs import NumpyCodec  # pyright: ignore[reportMissingImports]
from mlserver.types import (  # pyright: ignore[reportMissingImports]
    InferenceRequest,
    InferenceResponse,
)


class OnnxPolicy(MLModel):
    """Greedy actions, from ONNX Runtime on one thread as in `lander serve`."""

    async def load(self) -> bool:
        """Open the file that the settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: Any) -> Any:
        """The output `action` for the input `obs`."""
        assert isinstance(payload, InferenceRequest)
        obs = NumpyCodec.decode_input(payload.inputs[0])
        (action,) = self._session.run(["action"], {"obs": obs})
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output(name="action", payload=action)]
        )
