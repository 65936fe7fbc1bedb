"""From a PyTorch graph to the ONNX model's bytes: conversion, tidying, metadata."""

import hashlib
import logging
import warnings

import onnx
import torch
from torch import nn

from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.spec import Space

OPSET = 18
"""Of the default operator domain."""
MAX_IR_VERSION = 10
"""The newest IR version that a file may have."""


def build_model(graph: nn.Module, observation: Space, output_names: list[str]) -> onnx.ModelProto:
    """Convert `graph`, whose input is `[batch, *obs_shape]`, with a symbolic batch.

    The same weights give the same model: file names, source lines and everything else that the converter
    records about the machine is removed.
    """
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
    return _tidy(program.model_proto)


def weights_digest(model: onnx.ModelProto) -> str:
    """SHA-256 over the raw bytes of all initialisers, in the order of their names; hexadecimal."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def with_metadata(model: onnx.ModelProto, metadata: str) -> bytes:
    """The serialised model with `metadata` as its only metadata entry."""
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata})
    return model.SerializeToString(deterministic=True)


def _tidy(model: onnx.ModelProto) -> onnx.ModelProto:
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
