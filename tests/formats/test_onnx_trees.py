"""Trees in ONNX graphs: the same leaf as onnxruntime's, at every border of float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from .onnx_graphs import Graph, made, ml_node, node, one

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
_EDGES = [0.0, -0.0, 5e-324, -1e-46, 1e-45, np.inf, -np.inf, np.nan, 3.5e38, -1e39, 3.4028235677973366e38, 1e300]
_RULES = ("leq", "lt", "gte", "gt", "eq", "neq")


def neighbours(number: float) -> list[float]:
    """Doubles around a float32: itself and its neighbours, halfway to the next ones and the doubles beside that."""
    with np.errstate(all="ignore"):
        single = np.float32(number)
        if not np.isfinite(single):
            return [number]
        found = []
        for each in (single, np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf))):
            for other in (each, np.nextafter(each, np.float32(np.inf)), np.nextafter(each, np.float32(-np.inf))):
                half = (float(each) + float(other)) / 2
                found += [half, np.nextafter(half, -np.inf), np.nextafter(half, np.inf)]
    return [float(each) for each in dict.fromkeys(found)]


def drawn(
    seed: int, *, modes: tuple[str, ...] = MODES, trees: int = 3, width: int = 3, depth: int = 3, targets: int = 1,
    tracks: bool = True, kind: str = "target", whole: bool = False, double: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The attributes of trees drawn at random."""
    rng = np.random.default_rng(seed)
    nodes: dict[str, list[Any]] = {
        each: []
        for each in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                     "missing_value_tracks_true")
    }  # fmt: skip
    leaves: dict[str, list[Any]] = {each: [] for each in ("treeids", "nodeids", "ids", "weights")}
    thresholds = [*rng.normal(size=8).astype(np.float32).tolist(), 0.0, 1.0]
    if double:
        thresholds = rng.normal(size=10).tolist()
    if whole:
        thresholds = [*map(float, rng.integers(-3, 4, 8)), 0.5, 2.5]
    for tree in range(trees):
        count = 2 ** (depth + 1) - 1
        for number in range(count):
            is_leaf = number >= 2**depth - 1
            row = (tree, number, int(rng.integers(width)), float(rng.choice(thresholds)),
                   "LEAF" if is_leaf else str(rng.choice(modes)), 0 if is_leaf else 2 * number + 1,
                   0 if is_leaf else 2 * number + 2, int(tracks and rng.random() < 0.5))  # fmt: skip
            for name, value in zip(nodes, row, strict=True):
                nodes[name].append(value)
            for target in range(targets if is_leaf else 0):
                for name, value in zip(leaves, (tree, number, target, float(rng.normal())), strict=True):
                    leaves[name].append(value)
    found = {f"nodes_{name}": values for name, values in nodes.items()}
    return found | {f"{kind}_{name}": values for name, values in leaves.items()}


def border_rows(numbers: list[float], width: int, seed: int = 0, count: int = 300) -> list[dict[str, Any]]:
    """Rows of doubles next to these."""
    rng = np.random.default_rng(seed)
    near = [each for number in dict.fromkeys(numbers) for each in neighbours(number)] + _EDGES
    return [{f"x{n}": float(rng.choice(near)) for n in range(width)} for _ in range(count)]


@pytest.mark.parametrize("mode", [*MODES, "all of them"])
@pytest.mark.parametrize("tracks", [False, True])
def test_each_test_of_a_node_at_its_borders(mode: str, tracks: bool) -> None:
    modes = MODES if mode == "all of them" else (mode,)
    for seed in range(3):
        trees = drawn(seed, modes=modes, tracks=tracks)
        graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, **trees)))
        graph.check(border_rows(trees["nodes_values"], 3, seed), most=1e-6)


def test_trees_of_doubles() -> None:
    for seed in range(4):
        trees = drawn(seed)
        graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, **trees), given="float64"))
        graph.check(border_rows(trees["nodes_values"], 3, seed), most=1e-6)


def test_trees_of_doubles_with_thresholds_that_are_doubles() -> None:
    for seed in range(3):
        trees = drawn(seed, double=True)
        numbers = trees["nodes_values"]
        for name in ("nodes_values", "target_weights"):
            trees[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(trees.pop(name)), name)
        trees["base_values_as_tensor"] = numpy_helper.from_array(np.array([0.1]), "base_values")
        graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, **trees), given="float64"))
        beside = [float(np.nextafter(each, end)) for each in numbers for end in (-np.inf, np.inf)]
        rng = np.random.default_rng(seed)
        rows = [{f"x{n}": float(rng.choice([*numbers, *beside, *_EDGES])) for n in range(3)} for _ in range(300)]
        graph.check(rows, most=1e-6)


@pytest.mark.parametrize("given", ["int64", "int32"])
def test_trees_of_integers(given: str) -> None:
    numbers = [-3.5, -3.0, -0.9, 0.0, 0.5, 0.99, 1.0, 2.0, 2.5, 3.0, 16777217.0, -(2.0**31), 2.0**31 - 1]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        trees = drawn(seed, whole=True, targets=3, kind="class")
        operator = ml_node("TreeEnsembleClassifier", ["x"], ["label", "y"], classlabels_int64s=[0, 1, 2], **trees)
        outputs: dict[str, Any] = {"label": ("int64", [None]), "y": ("float32", [None, 3])}
        graph = Graph(made([operator], {"x": (given, [None, 3])}, outputs))
        graph.check([{f"x{n}": float(rng.choice(numbers)) for n in range(3)} for _ in range(100)], most=1e-6)


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC"])
def test_aggregates(aggregate: str, transform: str) -> None:
    if transform == "LOGISTIC" and aggregate in ("MIN", "MAX"):
        return
    trees = drawn(7)
    attributes = {"n_targets": 1, "aggregate_function": aggregate, "post_transform": transform, "base_values": [0.75]}
    graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], **attributes, **trees)))
    graph.check(border_rows(trees["nodes_values"], 3))


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("base", [[], [0.5, -1.0, 0.25]])
def test_three_classes(transform: str, base: list[float]) -> None:
    trees = drawn(3, targets=3, kind="class")
    operator = ml_node(
        "TreeEnsembleClassifier", ["x"], ["label", "y"], classlabels_strings=["a", "b", "c"], post_transform=transform,
        **({"base_values": base} if base else {}), **trees,
    )  # fmt: skip
    graph = Graph(
        made([operator], {"x": ("float32", [None, 3])}, {"label": ("string", [None]), "y": ("float32", [None, 3])})
    )
    graph.check(border_rows(trees["nodes_values"], 3))


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("base", [[], [0.125]])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("labels", [[0, 1], [4, 7]])
def test_two_classes_of_one_sum(transform: str, base: list[float], positive: bool, labels: list[int]) -> None:
    trees = drawn(5, kind="class")
    if positive:
        trees["class_weights"] = [abs(each) / 4 for each in trees["class_weights"]]
    operator = ml_node(
        "TreeEnsembleClassifier", ["x"], ["label", "y"], classlabels_int64s=labels, post_transform=transform,
        **({"base_values": base} if base else {}), **trees,
    )  # fmt: skip
    graph = Graph(
        made([operator], {"x": ("float32", [None, 3])}, {"label": ("int64", [None]), "y": ("float32", [None, 2])})
    )
    graph.check(border_rows(trees["nodes_values"], 3))


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("labels", [{"classlabels_int64s": [0, 1]}, {"classlabels_strings": ["no", "yes"]}])
def test_two_classes_of_two_sums(transform: str, labels: dict[str, Any]) -> None:
    trees = drawn(6, targets=2, kind="class")
    operator = ml_node("TreeEnsembleClassifier", ["x"], ["label", "y"], post_transform=transform, **labels, **trees)
    kind = "int64" if "classlabels_int64s" in labels else "string"
    graph = Graph(
        made([operator], {"x": ("float32", [None, 3])}, {"label": (kind, [None]), "y": ("float32", [None, 2])})
    )
    graph.check(border_rows(trees["nodes_values"], 3))


@pytest.mark.parametrize("given", ["float32", "float64"])
def test_trees_behind_a_scaler(given: str) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        trees = drawn(seed, modes=MODES if seed % 2 else MODES[:4])
        offset = rng.normal(size=3).astype(np.float32) * [1, 100, 1e-3]
        scale = np.abs(rng.normal(size=3)).astype(np.float32) * [1, 0.1, 1e3]
        nodes = [
            ml_node("Scaler", ["x"], ["scaled"], offset=offset.tolist(), scale=scale.tolist()),
            ml_node("TreeEnsembleRegressor", ["scaled"], ["y"], n_targets=1, **trees),
        ]
        graph = Graph(made(nodes, {"x": (given, [None, 3])}, {"y": ("float32", [None, 1])}))
        rows = border_rows(trees["nodes_values"], 3, seed, 400)
        for number, row in enumerate(rows):
            if number % 8:
                for n in range(3):
                    back = row[f"x{n}"] / float(np.float32(scale[n])) + float(np.float32(offset[n]))
                    row[f"x{n}"] = float(rng.choice(neighbours(back)[:9])) if np.isfinite(back) else back
        graph.check(rows, most=1e-6)


def test_trees_behind_arithmetic_with_constants() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        trees = drawn(seed)
        constants = {name: rng.normal(size=3).astype(np.float32) for name in ("a", "b", "c")}
        constants["d"] = np.abs(rng.normal(size=3)).astype(np.float32) + np.float32(0.1)
        constants["b"] = np.abs(constants["b"])
        nodes = [
            node("Add", ["x", "a"], ["1"]),
            node("Mul", ["1", "b"], ["2"]),
            node("Sub", ["2", "c"], ["3"]),
            node("Div", ["3", "d"], ["4"]),
            node("Relu", ["4"], ["5"]),
            ml_node("TreeEnsembleRegressor", ["5"], ["y"], n_targets=1, **trees),
        ]
        graph = Graph(made(nodes, {"x": ("float32", [None, 3])}, {"y": ("float32", [None, 1])}, constants))
        rows = border_rows(trees["nodes_values"], 3, seed)
        for row in rows:
            for n in range(3):
                a, b, c, d = (float(constants[name][n]) for name in "abcd")
                back = (row[f"x{n}"] * d + c) / b - a
                row[f"x{n}"] = float(rng.choice(neighbours(back)[:9])) if abs(back) < 1e38 else back
        graph.check(rows, most=1e-6)


@pytest.mark.parametrize("given", ["float32", "float64"])
def test_the_newer_operator_with_sets(given: str) -> None:
    kind = np.float32 if given == "float32" else np.float64
    nodes = {
        "nodes_splits": np.array([0.5, 0.0, 1.25, 0.1], dtype=kind),
        "nodes_modes": np.array([0, 6, 3, 6], dtype=np.uint8),
        "membership_values": np.array([1, 2, 3, 40, np.nan, 7, 60, np.nan], dtype=kind),
        "leaf_weights": np.array([1.5, -2, 0.25, 8, 16], dtype=kind),
    }
    tensors = {name: numpy_helper.from_array(each, name) for name, each in nodes.items()}
    operator = ml_node(
        "TreeEnsemble", ["x"], ["y"], n_targets=1, aggregate_function=1, post_transform=0, tree_roots=[0],
        nodes_featureids=[0, 1, 2, 1], nodes_truenodeids=[1, 0, 2, 3], nodes_falsenodeids=[2, 1, 3, 4],
        nodes_trueleafs=[0, 1, 1, 1], nodes_falseleafs=[0, 1, 0, 1], leaf_targetids=[0] * 5,
        nodes_missing_value_tracks_true=[1, 0, 0, 1], **tensors,
    )  # fmt: skip
    graph = Graph(one(operator, kind=given, given=given, ml=5))
    graph.check(border_rows([0.5, 1, 2, 3, 40, 7, 60, 63, 64, 1.5, 1.25, 0.0, -1], 3, count=600), most=1e-6)


def test_a_chain_of_equals_that_onnxruntime_takes_for_a_set() -> None:
    attributes: dict[str, Any] = {
        "nodes_treeids": [0] * 5, "nodes_nodeids": [0, 1, 2, 3, 4], "nodes_featureids": [0] * 5,
        "nodes_values": [1.0, 0.0, 2.0, 9.5, 0.0], "nodes_truenodeids": [1, 0, 1, 1, 0],
        "nodes_falsenodeids": [2, 0, 3, 4, 0], "nodes_modes": ["BRANCH_EQ", "LEAF", "BRANCH_EQ", "BRANCH_EQ", "LEAF"],
        "target_treeids": [0, 0], "target_nodeids": [1, 4], "target_ids": [0, 0], "target_weights": [1.0, 2.0],
    }  # fmt: skip
    for missing in ([0] * 5, [1] * 5):
        tracked = {"nodes_missing_value_tracks_true": missing, **attributes}
        graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, **tracked), width=1))
        graph.check(border_rows([1.0, 2.0, 9.5, 1.5, 2.5], 1), most=1e-6)
    trees = drawn(11, modes=("BRANCH_EQ",), whole=True, width=1, depth=5)
    trees["nodes_values"] = [float(round(abs(each))) for each in trees["nodes_values"]]
    graph = Graph(one(ml_node("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, **trees), width=1))
    graph.check(border_rows([0, 1, 2, 3, 1.5, -1, 33], 1), most=1e-6)
