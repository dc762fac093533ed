"""Each operator of ONNX that a program knows, against onnxruntime."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from pgscore.readers.onnx import ML_OPERATORS, OPERATORS

from .onnx_graphs import Graph, made, ml_node, node, one

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_rng = np.random.default_rng(3)
_EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e39, -1e39, 1e-50, 5e-324, 1e10, 0.5, 1.0]
_TEXTS = ["a", "b", "c", "", "A", "é", "b "]


def f32(*numbers: float, shape: tuple[int, ...] | None = None) -> np.ndarray:
    found = np.array(numbers, dtype=np.float32)
    return found if shape is None else found.reshape(shape)


def _normal(*shape: int) -> np.ndarray:
    return _rng.normal(size=shape).astype(np.float32)


def _i64(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def _chain(
    *nodes: onnx.NodeProto, constants: Mapping[str, np.ndarray] | None = None, width: int = 3, count: int = 1,
    given: str = "float32", kind: str = "float32", opset: int = 17, ml: int = 3,
) -> bytes:  # fmt: skip
    return made(nodes, {"x": (given, [None, width])}, {"y": (kind, [None, count])}, constants, opset=opset, ml=ml)


def _unary(operator: str, **attributes: Any) -> bytes:  # noqa: ANN401
    """Of a weighted sum, and of a column that is as it came."""
    return _chain(
        node("MatMul", ["x", "w"], ["s"]), node(operator, ["s"], ["t"], **attributes),
        node("MatMul", ["t", "v"], ["y"]),
        constants={"w": _normal(3, 4), "v": _normal(4, 1)},
    )  # fmt: skip


def _plain(operator: str, **attributes: Any) -> bytes:  # noqa: ANN401
    return one(node(operator, ["x"], ["y"], **attributes), width=1)


def _classified(
    *nodes: onnx.NodeProto, labels: str = "int64", count: int = 3, width: int = 3,
    constants: Mapping[str, np.ndarray] | None = None, given: str = "float32", opset: int = 17,
) -> bytes:  # fmt: skip
    return made(
        nodes, {"x": (given, [None, width])}, {"label": (labels, [None]), "y": ("float32", [None, count])}, constants,
        opset=opset,
    )  # fmt: skip


def _linear(count: int, transform: str, **labels: Any) -> bytes:  # noqa: ANN401
    operator = ml_node(
        "LinearClassifier", ["x"], ["label", "y"], coefficients=_normal(3 * count).tolist(),
        intercepts=_normal(count).tolist(), post_transform=transform, **labels,
    )  # fmt: skip
    return _classified(operator, count=max(2, count), labels="int64" if "classlabels_ints" in labels else "string")


def _svm(count: int, kernel: str) -> bytes:
    sizes = [3, 2, 4][:count]
    operator = ml_node(
        "SVMClassifier", ["x"], ["label", "y"], kernel_type=kernel, kernel_params=[0.3, 0.5, 3.0],
        vectors_per_class=sizes, support_vectors=_normal(3 * sum(sizes)).tolist(), post_transform="NONE",
        coefficients=_normal((count - 1) * sum(sizes)).tolist(), rho=_normal(count * (count - 1) // 2).tolist(),
        classlabels_ints=[5, 3, 9][:count],
    )  # fmt: skip
    return _classified(operator, count=2 if count == 2 else 3)


def _svr(kernel: str) -> bytes:
    return one(ml_node(
        "SVMRegressor", ["x"], ["y"], kernel_type=kernel, kernel_params=[0.3, 0.5, 2.0], n_supports=5, rho=[0.25],
        support_vectors=_normal(15).tolist(), coefficients=_normal(5).tolist(),
    ))  # fmt: skip


def _of_columns(operator: onnx.NodeProto, kind: str, given: str, count: int, width: int, ml: int = 3) -> bytes:
    """What an operator gives, weighted."""
    weights = np.arange(1, count + 1, dtype=np.float32).reshape(-1, 1)
    nodes = [operator, *([node("Cast", ["t"], ["f"], to=1)] if kind != "float32" else [])]
    flat = node("Reshape", ["f" if kind != "float32" else "t", "shape"], ["r"])
    return _chain(
        *nodes, flat, node("MatMul", ["r", "w"], ["y"]), constants={"w": weights, "shape": _i64(-1, count)},
        width=width, given=given, ml=ml,
    )  # fmt: skip


def _encoder(ml: int = 3, given: str = "string", made_kind: str = "int64", **attributes: Any) -> bytes:  # noqa: ANN401
    operator = ml_node("LabelEncoder", ["x"], ["t"], **attributes)
    return _of_columns(operator, made_kind, given, 2, 2, ml)


def _compared(operator: str, swapped: bool = False) -> bytes:
    inputs = ["c", "x"] if swapped else ["x", "c"]
    return _chain(
        node(operator, inputs, ["t"]), node("Cast", ["t"], ["f"], to=1), node("MatMul", ["f", "w"], ["y"]),
        constants={"c": f32(0.1, 1.0, 0.0), "w": f32(1, 2, 4, shape=(3, 1))},
    )  # fmt: skip


_TENSORS = {
    "keys_tensor": numpy_helper.from_array(np.array([1.5, np.nan, 2.5]), "keys"),
    "values_tensor": numpy_helper.from_array(np.array([10.0, 20.0, 30.0]), "values"),
    "default_tensor": numpy_helper.from_array(np.array([-1.0]), "default"),
}
_MATRIX = {"w": _normal(3, 2), "b": _normal(2)}
_HEAD = {"classes": np.array(["no", "yes", "maybe"], dtype=object)}

CASES: dict[str, Callable[[], bytes]] = {
    "Gemm": lambda: _chain(node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=2.0),
                           constants={"w": _normal(3, 1), "b": _normal(1)}),
    "Gemm turned": lambda: _chain(node("Gemm", ["x", "w"], ["y"], transB=1), constants={"w": _normal(1, 3)}),
    "Gemm with columns": lambda: _chain(
        node("ReduceSumSquare", ["x"], ["s"], axes=[1], keepdims=1),
        node("Gemm", ["x", "w", "s"], ["t"], alpha=-2.0, transB=1), node("MatMul", ["t", "v"], ["y"]),
        constants={"w": _normal(2, 3), "v": _normal(2, 1)}),
    "Gemm of doubles": lambda: _chain(node("Gemm", ["x", "w", "b"], ["y"]), given="float64", kind="float64",
                                      constants={"w": _rng.normal(size=(3, 1)), "b": _rng.normal(size=1)}),
    "MatMul and Add": lambda: _chain(node("MatMul", ["x", "w"], ["s"]), node("Add", ["s", "b"], ["y"]),
                                     constants={"w": _normal(3, 1), "b": _normal(1)}),
    **{name: partial(_unary, name) for name in ("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Abs", "Neg",
                                                           "Exp", "Identity", "Dropout",
                                                           "Selu", "HardSigmoid", "Softplus")},
    "Elu, alpha": lambda: _unary("Elu", alpha=1.7),
    "LeakyRelu, alpha": lambda: _unary("LeakyRelu", alpha=0.25),
    **{f"{name} alone": partial(_plain, name) for name in (
        "Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Exp", "Sqrt", "LeakyRelu", "Elu", "Selu",
        "HardSigmoid", "Softplus")},
    "Log of a sum of exponentials": lambda: _chain(
        node("Exp", ["x"], ["e"]), node("MatMul", ["e", "w"], ["s"]), node("Log", ["s"], ["y"]),
        constants={"w": f32(1, 2, 0.5, shape=(3, 1))}),
    "Clip": lambda: _chain(node("Clip", ["x", "low", "high"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
                           constants={"low": f32(-0.5, shape=()), "high": f32(0.75, shape=()), "w": _normal(3, 1)}),
    "Clip, before": lambda: _chain(node("Clip", ["x"], ["t"], min=-0.5, max=0.75), node("MatMul", ["t", "w"], ["y"]),
                                   constants={"w": _normal(3, 1)}, opset=9),
    "Pow": lambda: _chain(node("Pow", ["x", "two"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
                          constants={"two": f32(2, shape=()), "w": _normal(3, 1)}),
    "Pow, third": lambda: _chain(node("Pow", ["x", "n"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
                                 constants={"n": f32(3, shape=()), "w": _normal(3, 1)}),
    "Sub, first": lambda: _chain(node("Sub", ["c", "x"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
                                 constants={"c": f32(1), "w": _normal(3, 1)}),
    "Add, Sub, Mul, Div of columns": lambda: _chain(
        node("Split", ["x", "sizes"], ["a", "b", "c"], axis=1), node("Add", ["a", "b"], ["1"]),
        node("Sub", ["1", "c"], ["2"]), node("Mul", ["2", "b"], ["3"]), node("Abs", ["c"], ["4"]),
        node("Add", ["4", "one"], ["5"]), node("Div", ["3", "5"], ["y"]),
        constants={"sizes": _i64(1, 1, 1), "one": f32(1)}),
    "Div, first, and Reciprocal": lambda: _chain(
        node("Exp", ["x"], ["e"]), node("Add", ["e", "c"], ["a"]), node("Div", ["c", "a"], ["d"]),
        node("Reciprocal", ["a"], ["r"]), node("Concat", ["d", "r"], ["t"], axis=1), node("MatMul", ["t", "w"], ["y"]),
        constants={"c": f32(1), "w": _normal(6, 1)}),
    "Sum": lambda: _chain(node("Slice", ["x", "0", "1", "1"], ["a"]), node("Slice", ["x", "1", "2", "1"], ["b"]),
                          node("Sum", ["a", "b", "a"], ["y"]), constants={"0": _i64(0), "1": _i64(1), "2": _i64(2)}),
    "doubles": lambda: _chain(
        node("Sub", ["x", "m"], ["1"]), node("Div", ["1", "s"], ["2"]), node("MatMul", ["2", "w"], ["3"]),
        node("Tanh", ["3"], ["4"]), node("MatMul", ["4", "v"], ["y"]), given="float64", kind="float64",
        constants={"m": _rng.normal(size=3), "s": np.abs(_rng.normal(size=3)), "w": _rng.normal(size=(3, 4)),
                   "v": _rng.normal(size=(4, 1))}),
    "Softmax": lambda: _chain(node("Gemm", ["x", "w", "b"], ["s"]), node("Softmax", ["s"], ["y"]), count=2,
                              constants=_MATRIX),
    "Softmax, before": lambda: _chain(node("Gemm", ["x", "w", "b"], ["s"]), node("Softmax", ["s"], ["y"]), count=2,
                                      constants=_MATRIX, opset=11),
    "Sigmoid of one, and its complement": lambda: _classified(
        node("MatMul", ["x", "w"], ["s"]), node("Sigmoid", ["s"], ["p"]), node("Sub", ["one", "p"], ["q"]),
        node("Concat", ["q", "p"], ["y"], axis=1), node("ArgMax", ["y"], ["place"], axis=1),
        ml_node("ArrayFeatureExtractor", ["classes", "place"], ["taken"]), node("Reshape", ["taken", "all"], ["label"]),
        count=2, constants={"w": _normal(3, 1), "one": f32(1), "classes": _i64(7, 4), "all": _i64(-1)}),
    "ArgMax": lambda: _classified(node("Gemm", ["x", "w", "b"], ["y"]),
                                  node("ArgMax", ["y"], ["label"], axis=1, keepdims=0),
                                  constants={"w": _normal(3, 3), "b": _normal(3)}),
    "ArgMin": lambda: _classified(node("Gemm", ["x", "w", "b"], ["y"]),
                                  node("ArgMin", ["y"], ["label"], axis=1, keepdims=0),
                                  constants={"w": _normal(3, 3), "b": _normal(3)}),
    "labels of texts": lambda: _classified(
        node("Gemm", ["x", "w", "b"], ["s"]), node("Softmax", ["s"], ["y"]), node("ArgMax", ["s"], ["place"], axis=1),
        ml_node("ArrayFeatureExtractor", ["classes", "place"], ["taken"]), node("Reshape", ["taken", "all"], ["label"]),
        labels="string", constants={"w": _normal(3, 3), "b": _normal(3), "all": _i64(-1), **_HEAD}),
    "Concat, Gather, Flatten, Unsqueeze, Squeeze, Transpose": lambda: _chain(
        node("Concat", ["x", "x"], ["1"], axis=-1), node("Gather", ["1", "places"], ["2"], axis=1),
        node("Unsqueeze", ["2", "axes"], ["3"]), node("Transpose", ["3"], ["4"], perm=[0, 2, 1]),
        node("Squeeze", ["4", "last"], ["5"]), node("Flatten", ["5"], ["6"]), node("MatMul", ["6", "w"], ["y"]),
        constants={"places": _i64(5, 0, -2), "axes": _i64(1), "last": _i64(2), "w": _normal(3, 1)}),
    "Squeeze and Unsqueeze, before": lambda: _chain(
        node("Unsqueeze", ["x"], ["1"], axes=[2]), node("Squeeze", ["1"], ["2"], axes=[2]),
        node("Slice", ["2"], ["3"], starts=[1], ends=[3], axes=[1]), node("MatMul", ["3", "w"], ["y"]),
        constants={"w": _normal(2, 1)}, opset=9),
    "ReduceMean": lambda: _chain(node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=1)),
    "ReduceMean, later": lambda: _chain(node("ReduceMean", ["x", "axes"], ["y"]), opset=18,
                                        constants={"axes": _i64(-1)}),
    "ReduceSum": lambda: _chain(node("ReduceSum", ["x", "axes"], ["y"], keepdims=1), constants={"axes": _i64(1)}),
    "ReduceSumSquare": lambda: _chain(node("ReduceSumSquare", ["x"], ["y"], axes=[1], keepdims=1)),
    "BatchNormalization": lambda: _chain(
        node("BatchNormalization", ["x", "s", "b", "m", "v"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
        constants={"s": _normal(3), "b": _normal(3), "m": _normal(3), "v": np.abs(_normal(3)), "w": _normal(3, 1)}),
    "logarithms less that of their sum": lambda: _classified(
        node("Gemm", ["x", "w", "b"], ["s"]), node("ReduceLogSumExp", ["s"], ["l"], axes=[1], keepdims=1),
        node("Sub", ["s", "l"], ["d"]), node("Exp", ["d"], ["y"]), node("ArgMax", ["s"], ["label"], axis=1, keepdims=0),
        count=2, constants=_MATRIX),
    **{f"{name}{' of a constant' * swapped}": partial(_compared, name, swapped)
       for name in ("Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal") for swapped in (False, True)},
    "Not, And, Or": lambda: _chain(
        node("Less", ["x", "c"], ["l"]), node("Greater", ["x", "d"], ["g"]), node("Not", ["l"], ["n"]),
        node("And", ["n", "g"], ["a"]), node("Or", ["a", "l"], ["o"]), node("Cast", ["o"], ["f"], to=1),
        node("MatMul", ["f", "w"], ["y"]), constants={"c": f32(0.1), "d": f32(0.5), "w": f32(1, 2, 4, shape=(3, 1))}),
    "Where and IsNaN": lambda: _chain(
        node("IsNaN", ["x"], ["n"]), node("Where", ["n", "c", "x"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
        constants={"c": f32(0.7), "w": _normal(3, 1)}),
    "Where of constants": lambda: _chain(
        node("Less", ["x", "d"], ["l"]), node("Where", ["l", "c", "d"], ["t"]), node("MatMul", ["t", "w"], ["y"]),
        constants={"c": f32(0.7), "d": f32(0.1, 0.2, 0.3), "w": _normal(3, 1)}),
    "Floor and Ceil behind sums of exact columns": lambda: _chain(
        node("Floor", ["x"], ["a"]), node("Ceil", ["a"], ["b"]), node("Less", ["b", "c"], ["l"]),
        node("Cast", ["l"], ["f"], to=1), node("MatMul", ["f", "w"], ["y"]),
        constants={"c": f32(1, 0, -1), "w": f32(1, 2, 4, shape=(3, 1))}),
    "Cast": lambda: _chain(node("Cast", ["x"], ["d"], to=11), node("Cast", ["d"], ["t"], to=1),
                           node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(3, 1)}),
    "Constant": lambda: _chain(
        node("Constant", [], ["c"], value=numpy_helper.from_array(f32(1, 2, 3), "c")),
        node("Constant", [], ["e"], value_float=2.0), node("Mul", ["c", "e"], ["d"]), node("Mul", ["x", "d"], ["t"]),
        node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(3, 1)}),
    "LinearRegressor": lambda: one(ml_node("LinearRegressor", ["x"], ["y"], coefficients=_normal(3).tolist(),
                                           intercepts=[0.5], targets=1)),
    "LinearRegressor, several": lambda: _chain(
        ml_node("LinearRegressor", ["x"], ["t"], coefficients=_normal(6).tolist(), targets=2,
                post_transform="LOGISTIC"),
        node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(2, 1)}),
    **{f"LinearClassifier {count} {transform}": partial(
        _linear, count, transform, classlabels_ints=[4, 2, 8][:max(2, count)])
       for count in (1, 2, 3) for transform in ("NONE", "LOGISTIC", "SOFTMAX")},
    "LinearClassifier of texts": lambda: _linear(3, "SOFTMAX", classlabels_strings=["a", "b", "c"]),
    "LinearClassifier and Normalizer": lambda: _classified(
        ml_node("LinearClassifier", ["x"], ["label", "s"], coefficients=_normal(9).tolist(),
                intercepts=_normal(3).tolist(), post_transform="LOGISTIC", classlabels_ints=[0, 1, 2]),
        ml_node("Normalizer", ["s"], ["y"], norm="L1")),
    **{f"SVMClassifier {count} {kernel}": partial(_svm, count, kernel)
       for count in (2, 3) for kernel in ("LINEAR", "RBF", "POLY")},
    **{f"SVMRegressor {kernel}": partial(_svr, kernel) for kernel in ("LINEAR", "RBF", "POLY")},
    "Scaler": lambda: _chain(ml_node("Scaler", ["x"], ["t"], offset=[1.0, 1e4, -2.0], scale=[0.5, 3.0, 1e-3]),
                             node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(3, 1)}),
    "Scaler, one": lambda: _chain(ml_node("Scaler", ["x"], ["t"], offset=[1.0], scale=[0.5]),
                                  node("Sigmoid", ["t"], ["s"]), node("MatMul", ["s", "w"], ["y"]),
                                  constants={"w": _normal(3, 1)}),
    "Normalizer L2": lambda: _chain(ml_node("Normalizer", ["x"], ["t"], norm="L2"), node("MatMul", ["t", "w"], ["y"]),
                                    constants={"w": _normal(3, 1)}),
    "Normalizer L1": lambda: _chain(ml_node("Normalizer", ["x"], ["t"], norm="L1"), node("MatMul", ["t", "w"], ["y"]),
                                    constants={"w": _normal(3, 1)}),
    "Imputer": lambda: _chain(
        ml_node("Imputer", ["x"], ["t"], imputed_value_floats=[0.5, -1.0, 2.0], replaced_value_float=float("nan")),
        node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(3, 1)}),
    "Binarizer": lambda: _chain(ml_node("Binarizer", ["x"], ["t"], threshold=0.1), node("MatMul", ["t", "w"], ["y"]),
                                constants={"w": _normal(3, 1)}),
    "FeatureVectorizer": lambda: _chain(ml_node("FeatureVectorizer", ["x", "x"], ["t"], inputdimensions=[3, 3]),
                                        node("MatMul", ["t", "w"], ["y"]), constants={"w": _normal(6, 1)}),
    "OneHotEncoder of texts": lambda: _of_columns(
        ml_node("OneHotEncoder", ["x"], ["t"], cats_strings=["a", "b", "", "é"]), "float32", "string", 8, 2),
    "OneHotEncoder of integers": lambda: _of_columns(
        ml_node("OneHotEncoder", ["x"], ["t"], cats_int64s=[3, 0, -2]), "float32", "int64", 6, 2),
    "OneHotEncoder of numbers": lambda: _of_columns(
        ml_node("OneHotEncoder", ["x"], ["t"], cats_int64s=[3, 0, -2]), "float32", "float32", 6, 2),
    "OneHotEncoder of numbers cast": lambda: _chain(
        node("Cast", ["x"], ["i"], to=7), ml_node("OneHotEncoder", ["i"], ["t"], cats_int64s=[1, 0, -2]),
        node("Reshape", ["t", "shape"], ["r"]), node("MatMul", ["r", "w"], ["y"]),
        constants={"w": f32(1, 2, 4, 8, 16, 32, shape=(6, 1)), "shape": _i64(-1, 6)}, width=2),
    "LabelEncoder of texts": lambda: _encoder(keys_strings=["a", "b", "a", ""], values_int64s=[3, 1, 9, 2]),
    "LabelEncoder of texts to numbers": lambda: _encoder(
        made_kind="float32", keys_strings=["a", "b"], values_floats=[1.5, 2.5], default_float=-3.0),
    "LabelEncoder of integers": lambda: _encoder(given="int64", keys_int64s=[1, 2, 0], values_int64s=[5, 6, 7]),
    "LabelEncoder of floats": lambda: _encoder(given="float32", keys_floats=[1.0, 0.1, float("nan")],
                                               values_int64s=[5, 6, 7]),
    "LabelEncoder of tensors": lambda: _encoder(given="float64", ml=4, made_kind="double", **_TENSORS),
    "LabelEncoder twice": lambda: _chain(
        ml_node("LabelEncoder", ["x"], ["m"], keys_strings=["a", "b", "c"], values_strings=["u", "v", "u"],
                default_string="w"),
        ml_node("LabelEncoder", ["m"], ["t"], keys_strings=["u", "w"], values_floats=[1.0, 2.0], default_float=0.5),
        node("MatMul", ["t", "w"], ["y"]), constants={"w": f32(1, 2, shape=(2, 1))}, given="string", width=2),
    "LabelEncoder, first": lambda: _of_columns(
        ml_node("LabelEncoder", ["x"], ["t"], classes_strings=["a", "b", "é"], default_int64=-1, default_string="?"),
        "int64", "string", 2, 2, 1),
    "CategoryMapper": lambda: _of_columns(
        ml_node("CategoryMapper", ["x"], ["t"], cats_strings=["a", "b"], cats_int64s=[4, 9], default_int64=-5),
        "int64", "string", 2, 2),
    "Equal of texts": lambda: _chain(
        node("Equal", ["x", "c"], ["e"]), node("Cast", ["e"], ["f"], to=1), node("MatMul", ["f", "w"], ["y"]), opset=19,
        constants={"c": np.array(["a"], dtype=object), "w": f32(1, 2, shape=(2, 1))}, given="string", width=2),
    "integers and booleans": lambda: made(
        [node("Cast", ["n"], ["a"], to=1), node("Cast", ["b"], ["c"], to=1), node("Concat", ["a", "c"], ["t"], axis=1),
         node("MatMul", ["t", "w"], ["y"])],
        {"n": ("int32", [None, 1]), "b": ("bool", [None, 1])}, {"y": ("float32", [None, 1])},
        {"w": f32(0.5, 2, shape=(2, 1))}),
}  # fmt: skip


# Infinity less infinity is no number of the one class, and of the other none at all.
_FINITE = ("logarithms less that of their sum",)


def _rows(graph: Graph, count: int = 80) -> list[dict[str, Any]]:
    rng = np.random.default_rng(7)
    found = []
    for number in range(count):
        row: dict[str, Any] = {}
        for name, each in zip(graph.names, graph.columns, strict=True):
            if each.kind == "string":
                row[name] = str(rng.choice(_TEXTS))
            elif each.kind == "bool":
                row[name] = bool(rng.integers(2))
            elif each.kind.startswith("int"):
                row[name] = float(rng.integers(-4, 5)) + float(rng.choice([0, 0.5]))
            elif number > count // 2 and rng.random() < 0.5:
                row[name] = float(rng.choice(_EDGES))
            else:
                row[name] = float(
                    rng.choice([float(rng.normal()), 3 * float(rng.normal()), float(rng.integers(-3, 4)), 0.1])
                )
        found.append(row)
    return found


@pytest.mark.parametrize("name", list(CASES))
def test_an_operator_gives_what_onnxruntime_does(name: str) -> None:
    graph = Graph(CASES[name]())
    rows = _rows(graph)
    if name in _FINITE:
        rows = [row for row in rows if all(abs(each) < 1e38 for each in row.values())]
    elif name == "Binarizer":
        for row in [row for row in rows if any(np.isnan(each) for each in row.values())]:
            assert graph.outputs({key: None if np.isnan(each) else each for key, each in row.items()})[0] is None
            rows.remove(row)
    graph.check(rows)


@pytest.mark.parametrize("given", ["string", "int64"])
def test_a_category_that_an_encoder_refuses(given: str) -> None:
    """Onnxruntime stops at it, and so a row has no score."""
    known: dict[str, Any] = {"cats_strings": ["a", ""]} if given == "string" else {"cats_int64s": [3, 0]}
    operator = ml_node("OneHotEncoder", ["x"], ["t"], zeros=0, **known)
    graph = Graph(_of_columns(operator, "float32", given, 2, 1))
    values = ["a", "", "b", "A"] if given == "string" else [3.0, 3.9, -0.5, 0.0, 1.0, 4.0, 2.9, -1.0]
    for value in values:
        answer, _ = graph.outputs({"x0": value})
        try:
            graph.runtime([{"x0": value}])
        except Exception:
            assert answer is None, value
        else:
            graph.check([{"x0": value}])


def test_each_operator_is_tried() -> None:
    tried = {each.op_type for case in CASES.values() for each in onnx.load_model_from_string(case()).graph.node}
    elsewhere = {"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap"}
    assert {*OPERATORS, *ML_OPERATORS} - tried - elsewhere == set()
