"""From a PyTorch graph to the ONNX model's bytes: the graph, tidying, metadata."""

import logging
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, PolicyGraph
from lander_export.layers import Layer, layers_of
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_export.writer import IR_VERSION, OPSET, GraphWriter, value
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.spec import Space


def build_model(graph: PolicyGraph, observation: Space, output_names: list[str]) -> onnx.ModelProto:
    """The model of `graph`, whose input is `[batch, *obs_shape]`, with a symbolic batch.

    The same weights give the same model. A network of a known kind is written directly, with the names of its
    layers; any other is converted by torch's exporter, which takes seconds and needs onnxscript.
    """
    layers = layers_of(graph.actor, "actor", observation.shape)
    if layers is None:
        return _converted(graph, observation, output_names)
    return _written(graph, layers, observation)


def _written(graph: PolicyGraph, layers: list[Layer], observation: Space) -> onnx.ModelProto:
    writer, x = GraphWriter(), "obs"
    if observation.dtype != "float32":
        x = writer.node("Cast", "to_float32", x, to=onnx.TensorProto.FLOAT)
    for layer in layers:
        x = layer.write(writer, x)
    obs = value("obs", observation.dtype, observation.shape)
    if isinstance(graph, MultiDiscretePolicyGraph):
        return writer.model(obs, _write_multi_discrete(writer, x, graph.blocks))
    if isinstance(graph, DiscretePolicyGraph):
        return writer.model(obs, _write_discrete(writer, x, _width(graph, observation)))
    return writer.model(obs, _write_continuous(writer, x, graph))


def _write_discrete(writer: GraphWriter, x: str, count: int) -> list[onnx.ValueInfoProto]:
    logits = writer.rename(x, "logits")
    # Why not ArgMax: graph.py.
    best = writer.node_with("TopK", "best", [logits, writer.one()], ["best.logit", "best.index"], axis=-1)
    writer.node_with("Squeeze", "action", [best, writer.last_axis()], ["action"])
    return [value("action", np.int64, ()), value("logits", np.float32, (count,))]


def _write_multi_discrete(writer: GraphWriter, x: str, blocks: tuple[int, ...]) -> list[onnx.ValueInfoProto]:
    logits = writer.rename(x, "logits")
    best, start = [], 0
    for number, width in enumerate(blocks):
        ends = [
            writer.tensor(f"the_{edge}_of_{number}", [at], np.int64)
            for edge, at in (("start", start), ("end", start + width))
        ]
        block = writer.node("Slice", f"block_{number}", logits, *ends, writer.last_axis())
        names = [f"best_{number}.logit", f"best_{number}.index"]
        best.append(writer.node_with("TopK", f"best_{number}", [block, writer.one()], names, axis=-1))
        start += width
    writer.node_with("Concat", "action", best, ["action"], axis=-1)
    return [value("action", np.int64, (len(blocks),)), value("logits", np.float32, (sum(blocks),))]


def _write_continuous(writer: GraphWriter, x: str, graph: ContinuousPolicyGraph) -> list[onnx.ValueInfoProto]:
    constants = [("nothing", graph.nothing), ("actor_log_std", graph.actor_log_std)]
    nothing, constant = (writer.tensor(name, values.numpy()) for name, values in constants)
    flat = len(graph.shape) == 1
    mean = writer.rename(x, "mean") if flat else x
    # Why a product with zeros: graph.py.
    log_std = writer.node("Gemm", "log_std" if flat else "log_std.flat", mean, nothing, constant, transB=1)
    if not flat:
        shape = writer.tensor("to_shape_of_action", [-1, *graph.shape], np.int64)
        mean = writer.node("Reshape", "mean", mean, shape)
        writer.node("Reshape", "log_std", log_std, shape)
    low, high = (writer.tensor(name, getattr(graph, name).numpy()) for name in ("low", "high"))
    writer.node("Min", "action", writer.node("Max", "at_least_low", mean, low), high)
    return [value(name, np.float32, graph.shape) for name in graph.outputs]


def _width(graph: PolicyGraph, observation: Space) -> int:
    """How many numbers the actor gives."""
    with torch.inference_mode():
        return graph.actor(torch.zeros((1, *observation.shape))).shape[-1]


def _converted(graph: nn.Module, observation: Space, output_names: list[str]) -> onnx.ModelProto:
    example = torch.zeros((2, *observation.shape), dtype=getattr(torch, observation.dtype))
    with warnings.catch_warnings():
        # The converter warns about its own internals, which a user cannot change.
        warnings.simplefilter("ignore")
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                graph.eval(),
                (example,),
                input_names=["obs"],
                output_names=output_names,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        finally:
            logger.setLevel(level)
    assert program is not None, "dynamo=True always gives a program"
    return tidy(program.model_proto)


def with_metadata(model: onnx.ModelProto, metadata: str) -> bytes:
    """The serialised model with `metadata` as its only metadata entry."""
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata})
    return model.SerializeToString(deterministic=True)


def tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model itself, now without the file names, source lines and the like that tools record in it."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "lander", ""
    model.doc_string = model.graph.doc_string = ""
    model.graph.name = "policy"
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for item in [*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        del item.metadata_props[:]
    return model
