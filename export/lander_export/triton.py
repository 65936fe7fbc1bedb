"""`config.pbtxt`: how NVIDIA's Triton Inference Server is to run a policy file.

The text of one message `inference.ModelConfig` (triton-inference-server/common, model_config.proto). Written
as text, since this is the only message and protobuf is no package that an export needs.
"""

from collections.abc import Mapping, Sequence
from string import Template

from lander_runtime.policy.contract import output_signature
from lander_runtime.policy.metadata import PolicyInfo

_TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(float16)": "TYPE_FP16",
    **{f"tensor({name})": f"TYPE_{name.upper()}" for name in ("uint8", "int8", "int16", "int32", "int64")},
}
"""Triton's name for each type of ONNX that a policy has."""

_CONFIG = Template("""\
name: "$name"
backend: "onnxruntime"
max_batch_size: $max_batch
input [
  $input
]
output [
  $outputs
]
# A network this small is done before a GPU has been asked; KIND_GPU for large ones.
instance_group [ { kind: KIND_CPU count: 1 } ]
# What has arrived runs at once; a batch grows while another runs.
dynamic_batching { max_queue_delay_microseconds: 0 }
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
parameters { key: "inter_op_thread_count" value: { string_value: "1" } }
model_warmup [
  { name: "one observation" batch_size: 1 inputs { key: "obs" value: { $warmup zero_data: true } } }
]
""")


def write_config(info: PolicyInfo, name: str, max_batch: int) -> str:
    """The text of `config.pbtxt`.

    Args:
        info: of the policy file, which stands beside it as `1/model.onnx`.
        name: of the model and its folder; letters, digits, dots, dashes and underscores.
        max_batch: observations that run together.
    """
    observation = info.observation
    kind = {"float32": "float", "float64": "double"}.get(observation.dtype, observation.dtype)
    obs = (_TYPES[f"tensor({kind})"], observation.shape)
    outputs: Mapping[str, tuple[str, tuple[int, ...]]] = {
        output: (_TYPES[tensor], shape) for output, (tensor, shape) in output_signature(info).items()
    }
    return _CONFIG.substitute(
        name=name,
        max_batch=max_batch,
        input=_tensor("obs", *obs),
        outputs=",\n  ".join(_tensor(output, *signature) for output, signature in outputs.items()),
        warmup=f"data_type: {obs[0]} dims: {_list(obs[1] or (1,))}",
    )


def _tensor(name: str, kind: str, shape: Sequence[int]) -> str:
    # Triton wants at least one dimension beside the batch; `reshape` takes it away from the model.
    reshape = "" if shape else " reshape { shape: [ ] }"
    return f'{{ name: "{name}" data_type: {kind} dims: {_list(shape or (1,))}{reshape} }}'


def _list(numbers: Sequence[int]) -> str:
    return f"[ {', '.join(map(str, numbers))} ]"
