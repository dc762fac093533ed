"""Trees as tree models of PMML, which a mining model adds up.

A node asks whether a row goes to its left child, whose predicate it is; the right child takes the others. A missing
value makes the predicate unknown, and the row goes to the node's default child.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .expressions import shown
from .xml import check_text, element

# Texts that stand in arrays in one way only: others have signs before them, which not everybody reads alike.
_ODD = re.compile(r"[\\\"\t\n\r]|^\s*$")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.tree_arrays import Trees

    from .steps import Fields
    from .xml import Element


def tested_registers(trees: Trees, output: int) -> list[int]:
    """The registers that the trees of an output test."""
    found: set[int] = set()
    for tree in _trees_of(trees, output):
        found.update(trees.of[trees.feature[node]] for node in _nodes(trees, tree) if trees.feature[node] != -1)
    return sorted(found)


def forest(trees: Trees, output: int, fields: Fields, schemas: Sequence[str], place: str) -> Element:
    """The segments of the trees that are added to an output.

    Args:
        trees: the ensemble.
        output: the output.
        fields: what registers are called.
        schemas: the fields that the models read.
        place: where the step stands.
    """
    segments = []
    for n, tree in enumerate(_trees_of(trees, output)):
        beside = output if trees.target[tree] == -1 else 0
        model = element(
            "TreeModel",
            mining_schema(schemas),
            _root(trees, tree, beside, fields, place),
            functionName="regression",
            missingValueStrategy="defaultChild",
            splitCharacteristic="binarySplit",
        )
        segments.append(element("Segment", element("True"), model, id=str(n + 1)))
    return element("Segmentation", *segments, multipleModelMethod="sum")


def has_trees(trees: Trees, output: int) -> bool:
    """Whether an output is more than its base."""
    return bool(_trees_of(trees, output))


def mining_schema(names: Sequence[str]) -> Element:
    """The fields that a model within another one reads."""
    return element("MiningSchema", *(element("MiningField", name=name) for name in names))


def _trees_of(trees: Trees, output: int) -> list[int]:
    return [n for n, target in enumerate(trees.target) if target in (-1, output)]


def _nodes(trees: Trees, tree: int) -> list[int]:
    """The nodes of a tree, the root first."""
    nodes, at = [trees.roots[tree]], 0
    while at < len(nodes):
        node = nodes[at]
        at += 1
        if trees.feature[node] != -1:
            nodes += [trees.left[node], trees.right[node]]
    return nodes


def _root(trees: Trees, tree: int, beside: int, fields: Fields, place: str) -> Element:
    made: dict[int, Element] = {}
    number = {node: str(n) for n, node in enumerate(_nodes(trees, tree))}
    # Children stand behind their parents.
    for node in sorted(number, reverse=True):
        if trees.feature[node] == -1:
            value = shown(trees.values[trees.left[node] + beside])
            made[node] = element("Node", element("True"), id=number[node], score=value)
            continue
        left, right = trees.left[node], trees.right[node]
        made[left].children[0] = _predicate(trees, node, fields, place)
        default = left if trees.missing_left[node] else right
        made[node] = element(
            "Node", element("True"), made.pop(left), made.pop(right), id=number[node], defaultChild=number[default]
        )
    return made[trees.roots[tree]]


def _predicate(trees: Trees, node: int, fields: Fields, place: str) -> Element:
    name = fields.names[trees.of[trees.feature[node]]]
    threshold = trees.threshold[node]
    if threshold is not None:
        return element("SimplePredicate", field=name, operator="lessOrEqual", value=shown(threshold))
    members = trees.sets[trees.set[node]]
    if not members:
        missing = element("SimplePredicate", field=name, operator="isMissing")
        return missing if trees.missing_left[node] else element("False")
    if isinstance(members[0], str):
        for each in members:
            check_text(each, f"{place}.sets[{trees.set[node]}]")
        if len(members) == 1 or any(_ODD.search(each) for each in members):
            equal = [element("SimplePredicate", field=name, operator="equal", value=each) for each in members]
            return equal[0] if len(equal) == 1 else element("CompoundPredicate", *equal, booleanOperator="or")
        kind, listed = "string", [f'"{each}"' for each in members]
    else:
        # 0 has no sign, and a list tells two zeros apart.
        kind, listed = "real", [shown(each) for each in members] + (["-0.0"] if 0 in members else [])
    array = element("Array", text=" ".join(listed), n=str(len(listed)), type=kind)
    return element("SimpleSetPredicate", array, field=name, booleanOperator="isIn")
