"""What is no program, or no graph that is read: one sentence with the place, and no traceback for any file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from pgscore.errors import PgscoreError
from pgscore.readers.onnx import description, graph, parse

from .fixtures import paths
from .onnx_graphs import Graph, made, ml_node, node, one
from .test_onnx_trees import drawn

if TYPE_CHECKING:
    from collections.abc import Callable

_X: dict[str, tuple[str, Any]] = {"x": ("float32", [None, 3])}
_Y: dict[str, tuple[str, Any]] = {"y": ("float32", [None, 1])}
_W = {"w": np.ones((3, 1), dtype=np.float32)}


def _model(content: bytes, change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load_model_from_string(content)
    change(model)
    changed: bytes = model.SerializeToString()
    return changed


PLAIN = made([node("MatMul", ["x", "w"], ["y"], name="dense")], _X, _Y, _W)


def _external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _function(model: onnx.ModelProto) -> None:
    model.functions.add(name="mine", domain="local")


def _subgraph(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "b", [], [])
    model.graph.node.insert(0, helper.make_node("If", ["x"], ["z"], name="if", then_branch=branch, else_branch=branch))


def _twice(model: onnx.ModelProto) -> None:
    model.graph.node.append(model.graph.node[0])


def _opset(version: int) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    return change


def _unnamed(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def _sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def _claims(model: onnx.ModelProto) -> None:
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([1_000_000, 1_000_000])


def _many(model: onnx.ModelProto) -> None:
    for number in range(graph.MOST_NODES):
        model.graph.node.append(helper.make_node("Identity", ["x"], [f"z{number}"]))


def _strange(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def _attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("mode", "fast"))


FILES: dict[str, tuple[bytes, str]] = {
    "no file": (b"", "no graph"),
    "another file": (b"%PDF-1.4 and so on", "no ONNX model, or was cut short"),
    "cut short": (PLAIN[: len(PLAIN) // 2], "no ONNX model, or was cut short"),
    "external data": (_model(PLAIN, _external), "'w' stands in another file"),
    "functions": (_model(PLAIN, _function), "the function 'mine'"),
    "subgraphs": (_model(PLAIN, _subgraph), r"node 1 \(If 'if'\) has a graph within"),
    "made twice": (_model(PLAIN, _twice), r"node 2 \(MatMul 'dense'\) makes 'y' a second time"),
    "an old opset": (_model(PLAIN, _opset(5)), "the operator set ai.onnx 5, and 7 to 25 are read"),
    "a new opset": (_model(PLAIN, _opset(99)), "the operator set ai.onnx 99"),
    "no opset": (_model(PLAIN, _unnamed), "does not say which operators of ai.onnx"),
    "sparse tensors": (_model(PLAIN, _sparse), "sparse"),
    "a size that is a lie": (_model(PLAIN, _claims), "says it has 1,000,000,000,000 numbers"),
    "many nodes": (_model(PLAIN, _many), "5,001 nodes"),
    "a domain": (_model(PLAIN, _strange), r"node 1 \(MatMul 'dense'\) is an operator of 'com.example'"),
    "an attribute": (_model(PLAIN, _attribute), r"node 1 \(MatMul 'dense'\) has the attribute 'mode'"),
    "a fixed batch": (made([node("Identity", ["x"], ["y"])], {"x": ("float32", [1, 1])}, _Y), "takes 1 rows at a time"),
    "a width that is not said": (made([node("Identity", ["x"], ["y"])], {"x": ("float32", [None, None])}, _Y),
                                 "does not say how many columns"),
    "three dimensions": (made([node("Identity", ["x"], ["y"])], {"x": ("float32", [None, 2, 3])}, _Y),
                         "is not rows and columns"),
    "several outputs": (made([node("Identity", ["x"], ["y"]), node("Identity", ["x"], ["z"])], _X,
                             {**_Y, "z": ("float32", [None, 3])}), "has 2 outputs, 'y', 'z'"),
    "several numbers": (made([node("Identity", ["x"], ["y"])], _X, {"y": ("float32", [None, 3])}),
                        "gives several numbers for each row"),
    "an operator": (made([node("Erf", ["x"], ["y"])], _X, _Y), r"node 1 \(Erf\) is an operator that a program"),
    "trees behind a sum": (made(
        [node("MatMul", ["x", "w"], ["s"]), ml_node("TreeEnsembleRegressor", ["s"], ["y"], n_targets=1,
                                                    **drawn(0, width=1))], _X, _Y, _W), "rounds its sums otherwise"),
    "Floor behind a sum": (made([node("MatMul", ["x", "w"], ["s"]), node("Floor", ["s"], ["y"])], _X, _Y, _W),
                           "rounds its sums otherwise"),
    "Less behind a sum": (made(
        [node("MatMul", ["x", "w"], ["s"]), node("Less", ["s", "w"], ["l"]), node("Cast", ["l"], ["y"], to=1)],
        _X, _Y, {"w": np.ones((3, 1), dtype=np.float32)}), "meets a constant along the rows"),
    "rows turned": (made([node("Transpose", ["x"], ["y"])], _X, _Y), r"\(Transpose\) turns rows into columns"),
    "texts as numbers": (made([node("MatMul", ["x", "w"], ["y"])], {"x": ("string", [None, 3])}, _Y, _W),
                         "reads texts as numbers"),
    "probabilities of a machine": (made([ml_node(
        "SVMClassifier", ["x"], ["label", "y"], kernel_type="RBF", kernel_params=[0.1, 0.0, 3.0], rho=[0.1],
        vectors_per_class=[1, 1], support_vectors=[0.0] * 6, coefficients=[1.0, -1.0], prob_a=[1.0], prob_b=[0.0],
        classlabels_ints=[0, 1])], _X, {"label": ("int64", [None]), "y": ("float32", [None, 2])}), "couples probab"),
    "a matrix too large": (made(
        [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "v"], ["y"])], _X, _Y,
        {"w": np.ones((3, 9_000), dtype=np.float32), "v": np.ones((9_000, 1), dtype=np.float32)}), "27,000 weights"),
    "a weight that is infinite": (made([node("MatMul", ["x", "w"], ["y"])], _X, _Y,
                                       {"w": np.full((3, 1), np.inf, dtype=np.float32)}), "not finite"),
    "columns that double": (made(
        [node("Concat", [f"a{n}" if n else "x"] * 2, [f"a{n + 1}"], axis=1) for n in range(60)]
        + [node("ReduceSum", ["a60", "axes"], ["y"])], _X, _Y, {"axes": np.array([1])}), r"makes 24,576 columns"),
    "operations that pile up": (made(
        [node("Add", [f"a{n}" if n else "x", "c"], [f"a{n + 1}"]) for n in range(2_000)]
        + [node("MatMul", ["a2000", "w"], ["y"])], _X, _Y, {**_W, "c": np.ones(1, dtype=np.float32)}), "on one column"),
    "functions that pile up": (made(
        [node("Tanh", [f"a{n}" if n else "x"], [f"a{n + 1}"]) for n in range(400)]
        + [node("MatMul", ["a400", "w"], ["y"])], _X, _Y, _W), "is more than 150 steps deep"),
    "something that nothing makes": (made([node("Identity", ["gone"], ["y"])], _X, _Y), "reads 'gone'"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_is_refused_in_one_sentence(name: str) -> None:
    content, wanted = FILES[name]
    with pytest.raises(PgscoreError, match=wanted) as refused:
        Graph(content)
    assert "\n" not in str(refused.value)


def _trees(**changed: Any) -> bytes:  # noqa: ANN401
    attributes: dict[str, Any] = {"n_targets": 1, **drawn(1, trees=1, depth=1), **changed}
    return one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], name="t", **attributes))


TREES: dict[str, tuple[dict[str, Any], str]] = {
    "a loop": ({"nodes_truenodeids": [0, 0, 0]}, "two parents"),
    "a child of two": ({"nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [1, 0, 0]}, "two parents"),
    "no child": ({"nodes_truenodeids": [7, 0, 0]}, "lacks a child of node 0 in tree 0"),
    "lengths": ({"nodes_values": [1.0]}, "arrays of different lengths"),
    "a column beyond": ({"nodes_featureids": [3, 0, 0]}, "tests column 3, and has 3"),
    "a column before": ({"nodes_featureids": [-1, 0, 0]}, "tests column -1"),
    "a mode": ({"nodes_modes": ["BRANCH_NEAR", "LEAF", "LEAF"]}, "the mode 'BRANCH_NEAR'"),
    "NaN": ({"nodes_values": [float("nan"), 0.0, 0.0]}, "compares with NaN"),
    "no weight": ({"target_nodeids": [1, 1]}, "a leaf without a weight"),
    "a target beyond": ({"target_ids": [0, 1]}, "target beyond its 1"),
    "an infinite leaf": ({"target_weights": [1.0, float("inf")]}, "not finite"),
    "an aggregate": ({"aggregate_function": "MEDIAN"}, "the aggregate function 'MEDIAN'"),
    "a transform": ({"post_transform": "PROBIT"}, "the transform 'PROBIT'"),
    "targets": ({"n_targets": 0}, "has no target"),
    "another type": ({"nodes_values": [1, 0, 0]}, "'nodes_values' in another type"),
}


@pytest.mark.parametrize("name", list(TREES))
def test_trees_are_refused_with_their_place(name: str) -> None:
    changed, wanted = TREES[name]
    with pytest.raises(PgscoreError, match=rf"node 1 \(TreeEnsembleRegressor 't'\) .*{wanted}"):
        Graph(_trees(**changed))


def test_a_file_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MOST_BYTES", 100)
    with pytest.raises(PgscoreError, match="at most 100 are read"):
        parse(PLAIN)


def test_the_output_is_named_or_chosen() -> None:
    content = made(
        [node("MatMul", ["x", "w"], ["y"]), node("Tanh", ["y"], ["z"])], _X, {**_Y, "z": ("float32", [None, 1])}, _W
    )
    rows = [{"x0": 0.25, "x1": -1.0, "x2": 0.5}]
    for output in ("y", "z"):
        Graph(content, output).check(rows)
    with pytest.raises(PgscoreError, match="has no output 'v'"):
        Graph(content, "v")


def test_a_label_alone_is_an_indicator() -> None:
    operator = ml_node(
        "LinearClassifier", ["x"], ["label", "s"], coefficients=[1.0, -1.0, 0.5, 0.1, 0.2, 0.3, -1.0, 0.5, 1.0],
        intercepts=[0.0, 0.1, 0.2], classlabels_strings=["a", "b", "c"],
    )  # fmt: skip
    content = made([operator], _X, {"label": ("string", [None]), "s": ("float32", [None, 3])})
    found = Graph(content, "label")
    rng = np.random.default_rng(0)
    found.check([{f"x{n}": float(rng.normal()) for n in range(3)} for _ in range(50)])
    assert found.reading.program["link"] == "argmax"


def test_columns_have_their_inputs_types() -> None:
    content = made([node("MatMul", ["x", "w"], ["y"])], _X, _Y, _W)
    (given,) = description.describe_graph(parse(content)).inputs
    assert (given.name, given.kind, given.width) == ("x", "float32", 3)


_SMALL = [
    path.read_bytes() for path in paths("onnx") if path.stem in ("logistic", "tree", "frame_logistic", "net_double")
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_SMALL), st.data())
def test_a_file_with_any_bytes_changed_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    del changed[data.draw(st.integers(len(changed) // 2, len(changed))) :]
    with suppress(PgscoreError):
        Graph(bytes(changed))


def test_a_tensor_of_a_kind_that_is_not_read() -> None:
    tensor = numpy_helper.from_array(np.ones((3, 1), dtype=np.float16), "w")

    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].CopyFrom(tensor)

    with pytest.raises(PgscoreError, match="'w' of a kind that is not read"):
        Graph(_model(PLAIN, change))
