"""Readers of ONNX: from a graph to a program."""

from .description import Described, GraphInput, describe_graph
from .graph import parse
from .reader import ML_OPERATORS, OPERATORS, PREDICTORS, read_model, read_onnx

__all__ = [
    "ML_OPERATORS",
    "OPERATORS",
    "PREDICTORS",
    "Described",
    "GraphInput",
    "describe_graph",
    "parse",
    "read_model",
    "read_onnx",
]
