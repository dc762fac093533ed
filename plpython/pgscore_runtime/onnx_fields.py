"""The numbers of fields in an ONNX file, as onnx/onnx.proto gives them; OTHERS are those of which nothing is asked."""

from __future__ import annotations


class Model:
    """Of ModelProto."""

    PRODUCER = 2
    GRAPH = 7
    OPSET = 8
    METADATA = 14
    TRAINING = 20
    FUNCTION = 25
    OTHERS = (1, 3, 4, 5, 6)


class Opset:
    """Of OperatorSetIdProto."""

    DOMAIN = 1
    VERSION = 2


class Metadata:
    """Of StringStringEntryProto."""

    KEY = 1


class Graph:
    """Of GraphProto."""

    NODE = 1
    TENSOR = 5
    SPARSE = 15
    VALUES = (11, 12, 13)
    OTHERS = (2, 10, 14, 16)


class Node:
    """Of NodeProto."""

    INPUT = 1
    OUTPUT = 2
    NAME = 3
    OPERATOR = 4
    ATTRIBUTE = 5
    DOMAIN = 7
    OVERLOAD = 8
    OTHERS = (6, 9)


class Attribute:
    """Of AttributeProto."""

    NAME = 1
    INTS = 8
    STRINGS = 9
    TENSORS = (5, 10)
    GRAPHS = (6, 11)
    TYPES = (14, 15)
    SPARSE = (22, 23)
    OF_FUNCTION = 21
    OTHERS = (2, 3, 4, 7, 8, 9, 13, 20)


class Tensor:
    """Of TensorProto."""

    DIMENSIONS = 1
    KIND = 2
    SEGMENT = 3
    INT32 = 5
    STRINGS = 6
    INT64 = 7
    NAME = 8
    RAW = 9
    EXTERNAL = 13
    LOCATION = 14
    OTHERS = (2, 4, 5, 6, 7, 9, 10, 11, 12, 16)


class Value:
    """Of ValueInfoProto."""

    TYPE = 2


class Type:
    """Of TypeProto: what holds another type, and the field of that."""

    OF_MAP = 5
    OF_TYPES = (4, 5, 9)
    IN_MAP = 2
    IN_OTHERS = 1
    OTHERS = (1, 6)
