"""Constants that a graph computes of constants, as converters leave them: arithmetic, shapes and a few functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .values import KINDS, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .graph import Node

MOST_NUMBERS = 1_000_000
_TWO_SIDED: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide,
}  # fmt: skip
_ONE_SIDED: dict[str, Callable[[Any], Any]] = {
    "Identity": lambda given: given, "Neg": np.negative, "Abs": np.abs, "Exp": np.exp, "Log": np.log, "Sqrt": np.sqrt,
}  # fmt: skip


def constant(node: Node) -> Any:  # noqa: ANN401
    """Constant: the array that it states."""
    tensor = node.tensor("value")
    if tensor is not None:
        return tensor
    for name, ask, kind in (
        ("value_float", node.number, np.float32), ("value_int", node.integer, np.int64),
    ):  # fmt: skip
        if node.has(name):
            return np.array(ask(name, 0), dtype=kind)
    for name, listed, kind in (("value_floats", node.numbers, np.float32), ("value_ints", node.integers, np.int64)):
        if node.has(name):
            return np.array(listed(name), dtype=kind)
    if node.has("value_strings"):
        return np.array(node.texts("value_strings"), dtype=object)
    raise node.refuse("states no constant that is read")


def folded(node: Node) -> Any:  # noqa: ANN401
    """What an operator makes of constants alone.

    Raises:
        NotAProgramError: it is none of those that are computed, or its constants do not fit it.
    """
    given = [each for each in node.inputs if each is not None]
    try:
        with np.errstate(all="ignore"):
            found = _computed(node, given)
    except (ValueError, IndexError, TypeError):
        raise node.refuse("has constants that do not fit each other") from None
    if found is None:
        raise node.refuse("computes a constant, which is not read: export the graph with its constants folded")
    return found


def _computed(node: Node, given: list[Any]) -> Any:  # noqa: ANN401, PLR0911
    name = node.operator
    if any(each.dtype == object for each in given):
        return given[0] if name == "Identity" else None
    if name in _TWO_SIDED and len(given) == 2:  # noqa: PLR2004
        if given[0].dtype != given[1].dtype or given[0].dtype.kind != "f":
            return None
        if np.prod(np.broadcast_shapes(given[0].shape, given[1].shape)) > MOST_NUMBERS:
            raise node.refuse(f"computes more than {MOST_NUMBERS:,} numbers")
        return _TWO_SIDED[name](*given)
    if name in _ONE_SIDED:
        return _ONE_SIDED[name](given[0]) if name == "Identity" or given[0].dtype.kind == "f" else None
    if name == "Cast":
        kind = KINDS.get(node.integer("to", 0))
        node.ignore("saturate")
        return None if kind in (None, TEXT) else given[0].astype(kind)
    if name == "Reshape" and not node.integer("allowzero", 0) and 0 not in given[1]:
        return given[0].reshape(tuple(int(each) for each in given[1]))
    if name == "Transpose":
        return given[0].transpose(node.integers("perm") or None)
    if name == "ReduceSum":
        axes = [int(each) for each in given[1]] if len(given) > 1 else node.integers("axes")
        node.ignore("noop_with_empty_axes")
        return given[0].sum(axis=tuple(axes), keepdims=bool(node.integer("keepdims", 1))) if axes else None
    return None
