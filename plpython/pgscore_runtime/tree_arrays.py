"""Tree ensembles as flat arrays: reading them, and proving that they are trees."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from .checks import Budget, choice, fields, integers, items, members, number, numbers, refuse, shown

MOST_DEPTH = 1000
_MOST_OUTPUTS = 1000
_LARGEST = sys.float_info.max
_NODE_FIELDS = ("feature", "threshold", "set", "missing_left", "left", "right")
_FIELDS = ("step", "of", "precision", "base", "roots", "target", *_NODE_FIELDS, "values", "sets")


class Trees(NamedTuple):
    """An ensemble; `docs/program.md` says what the arrays mean.

    Attributes:
        of: the registers that nodes test.
        base: a number for each output.
        divide: what the sums are divided by at the end, or None.
        depth: for each node, how far it is below its root.
        wide: for each node, whether its tree has a number for each output in its leaves.
        cover: for each node, the weight of the rows that came there when the trees were fitted, or None.
    """

    of: tuple[int, ...]
    base: list[float]
    divide: float | None
    roots: list[int]
    target: list[int]
    feature: list[int]
    threshold: list[float | None]
    set: list[int]
    missing_left: list[int]
    left: list[int]
    right: list[int]
    values: list[float]
    sets: list[list[Any]]
    depth: list[int]
    wide: list[bool]
    cover: list[float] | None


def read_trees(
    found: dict[str, Any], place: str, of: tuple[int, ...], texts: list[bool], nodes: Budget, keys: Budget
) -> Trees:
    """Reads a step of trees whose registers have been read.

    Args:
        found: the step.
        place: where it stands.
        of: its registers.
        texts: for each of them, whether it holds a text.
        nodes: how many more nodes there may be.
        keys: how many more members of sets there may be.

    Raises:
        Refusal: something in it is not as `docs/program.md` says; the message names the place.
    """
    fields(found, place, _FIELDS, ("divide", "cover"))
    choice(found["precision"], f"{place}.precision", ("float64",))
    base = numbers(found["base"], f"{place}.base")
    if not 1 <= len(base) <= _MOST_OUTPUTS:
        refuse(f"{place}.base", f"has {len(base):,} entries, and 1 to {_MOST_OUTPUTS:,} are allowed")
    size = len(items(found["feature"], f"{place}.feature"))
    nodes.spend(size, f"{place}.feature")
    for name in _NODE_FIELDS:
        if len(items(found[name], f"{place}.{name}")) != size:
            refuse(f"{place}.{name}", f"has {len(found[name]):,} entries, and feature has {size:,}")
    roots = integers(found["roots"], f"{place}.roots", 0, size - 1)
    target = integers(found["target"], f"{place}.target", -1, len(base) - 1)
    if len(target) != len(roots):
        refuse(f"{place}.target", f"has {len(target):,} entries for {len(roots):,} roots")
    values = numbers(found["values"], f"{place}.values")
    items(found["sets"], f"{place}.sets", most=size)
    sets, kinds = _sets(found["sets"], f"{place}.sets", keys)
    trees = Trees(
        of=of,
        base=base,
        divide=_divide(found, place),
        roots=roots,
        target=target,
        feature=integers(found["feature"], f"{place}.feature", -1, len(of) - 1),
        threshold=_thresholds(found["threshold"], f"{place}.threshold"),
        set=integers(found["set"], f"{place}.set", -1, len(sets) - 1),
        missing_left=integers(found["missing_left"], f"{place}.missing_left", 0, 1),
        left=integers(found["left"], f"{place}.left", 0, max(size, len(values)) - 1),
        right=integers(found["right"], f"{place}.right", -1, size - 1),
        values=values,
        sets=sets,
        depth=[-1] * size,
        wide=[False] * size,
        cover=_covers(found["cover"], f"{place}.cover", size) if "cover" in found else None,
    )
    _check_tests(trees, place, texts, kinds)
    _check_shape(trees, place)
    return trees


def _divide(found: dict[str, Any], place: str) -> float | None:
    if "divide" not in found:
        return None
    divide = number(found["divide"], f"{place}.divide")
    if divide == 0:
        refuse(f"{place}.divide", "is 0")
    return divide


def _covers(found: Any, place: str, size: int) -> list[float]:  # noqa: ANN401
    if len(items(found, place)) != size:
        refuse(place, f"has {len(found):,} entries, and feature has {size:,}")
    # Scoring does not need them, and is not to wait for more than a glance.
    if set(map(type, found)) <= {int, float} and min(found, default=0) >= 0 and max(found, default=0) <= _LARGEST:
        covers: list[float] = found
        return covers
    for position, value in enumerate(numbers(found, place)):
        if value < 0:
            refuse(f"{place}[{position}]", f"is {shown(value)}, and a cover is not negative")
    return numbers(found, place)


def _thresholds(found: list[Any], place: str) -> list[float | None]:
    return [
        None
        if value is None
        else value
        if type(value) is float and value - value == 0
        else number(value, f"{place}[{n}]")
        for n, value in enumerate(found)
    ]


def _sets(found: Any, place: str, keys: Budget) -> tuple[list[list[Any]], list[bool | None]]:  # noqa: ANN401
    """The sets, and for each whether it holds texts; None for an empty one, which suits either."""
    sets: list[list[Any]] = []
    kinds: list[bool | None] = []
    for position, each in enumerate(items(found, place)):
        here = f"{place}[{position}]"
        keys.spend(len(items(each, here)), here)
        kinds.append(type(each[0]) is str if each else None)
        sets.append(members(each, here, texts=bool(kinds[-1])))
    return sets, kinds


def _check_tests(trees: Trees, place: str, texts: list[bool], kinds: list[bool | None]) -> None:
    """Holds that each node tests a register in a way that suits what it holds, and that a leaf tests nothing."""
    for node, (feature, threshold, chosen) in enumerate(zip(trees.feature, trees.threshold, trees.set, strict=True)):
        if chosen != -1:
            if threshold is not None:
                refuse(f"{place}.threshold[{node}]", "stands beside a set: one of them has to be absent")
            if feature == -1:
                refuse(f"{place}.set[{node}]", f"is {chosen}, and the node is a leaf")
            if kinds[chosen] is not None and kinds[chosen] != texts[feature]:
                refuse(
                    f"{place}.set[{node}]",
                    f"is {chosen}, whose members are not of the type of register {trees.of[feature]}",
                )
        elif feature == -1:
            if threshold is not None:
                refuse(f"{place}.threshold[{node}]", f"is {shown(threshold)}, and the node is a leaf")
        elif threshold is None:
            refuse(f"{place}.threshold[{node}]", "is null, and the node tests no set")
        elif texts[feature]:
            refuse(f"{place}.threshold[{node}]", f"is a number, and register {trees.of[feature]} holds a text")


def _check_shape(trees: Trees, place: str) -> None:
    """Holds that the nodes are trees of bounded depth, and fills in `depth` and `wide`."""
    size, outputs = len(trees.feature), len(trees.base)
    depth, wide = trees.depth, trees.wide
    for position, root in enumerate(trees.roots):
        if depth[root] != -1:
            refuse(f"{place}.roots[{position}]", f"is {root}, which is the root of another tree")
        depth[root] = 0
        wide[root] = trees.target[position] == -1
    for node, (feature, left, right) in enumerate(zip(trees.feature, trees.left, trees.right, strict=True)):
        below = depth[node] + 1
        if below == 0:
            refuse(
                f"{place}.feature[{node}]", "belongs to a node that is neither a root nor the child of an earlier node"
            )
        if feature == -1:
            last = left + (outputs if wide[node] else 1)
            if last > len(trees.values):
                refuse(
                    f"{place}.left[{node}]",
                    f"is {left}, and its leaf would end at {last} of {len(trees.values)} values",
                )
            if right != -1:
                refuse(f"{place}.right[{node}]", f"is {right}, and the node is a leaf")
            continue
        if below > MOST_DEPTH:
            refuse(f"{place}.feature[{node}]", f"belongs to a node deeper than {MOST_DEPTH:,}")
        for name, child in (("left", left), ("right", right)):
            if not node < child < size:
                refuse(f"{place}.{name}[{node}]", f"is {child}, and a child stands behind its parent, up to {size - 1}")
            if depth[child] != -1:
                refuse(f"{place}.{name}[{node}]", f"is {child}, which is a root or has another parent")
            depth[child] = below
            wide[child] = wide[node]
